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
});
