import { selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { optimizerFor } from '@ferry/training';

describe('optimizerFor', () => {
  beforeAll(async () => {
    await selectBackend('cpu');
  });

  /** A matrix of ones after one step with a gradient of 1. */
  const stepped = (weightDecay: number): number => {
    const weight = tf.variable(tf.ones([2, 2]), true, `w${weightDecay}`);
    const optimizer = optimizerFor({ learningRate: 0.1, weightDecay }, new Map([['layer.weight', weight]]));
    optimizer.advance(0);
    optimizer.apply({ [weight.name]: tf.ones([2, 2]) });
    return weight.dataSync()[0]!;
  };

  it('decays weights apart from the gradient: by learning rate times decay, before Adam has its say', () => {
    // The first step of Adam is the learning rate; of AdamW with decay .5 also 1 x .1 x .5.
    expect(stepped(0)).toBeCloseTo(0.9, 5);
    expect(stepped(0.5)).toBeCloseTo(0.85, 5);
  });

  it("takes Adam's own numbers, by which a weight goes on moving once its gradients end", () => {
    /** A weight of 1 after a gradient of 1 and two of 0. */
    const moved = (beta1?: number, beta2?: number): number => {
      const weight = tf.variable(tf.ones([1, 1]));
      const optimizer = optimizerFor(
        { learningRate: 0.1, beta1, beta2 },
        new Map([['layer.weight', weight]]),
      );
      for (const [step, gradient] of [1, 0, 0].entries()) {
        optimizer.advance(step);
        optimizer.apply({ [weight.name]: tf.fill([1, 1], gradient) });
      }
      return weight.dataSync()[0]!;
    };
    /** The same by the paper's algorithm 1. */
    const wanted = (beta1: number, beta2: number): number => {
      let [value, mean, square] = [1, 0, 0];
      for (const [step, gradient] of [1, 0, 0].entries()) {
        mean = beta1 * mean + (1 - beta1) * gradient;
        square = beta2 * square + (1 - beta2) * gradient ** 2;
        value -= (0.1 * mean) / (1 - beta1 ** (step + 1)) / Math.sqrt(square / (1 - beta2 ** (step + 1)));
      }
      return value;
    };
    expect(moved()).toBeCloseTo(wanted(0.9, 0.999), 5);
    expect(moved(0.9, 0.98)).toBeCloseTo(wanted(0.9, 0.98), 5);
    expect(moved(0.5, 0.98)).toBeCloseTo(wanted(0.5, 0.98), 5);
    expect(Math.abs(moved(0.9, 0.5) - moved())).toBeGreaterThan(0.01);
  });
});
