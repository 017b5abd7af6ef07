/** Prompts against peft's PromptTuning (tools/parity/encoders.py). */
import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { createOptimizer, type Parameters } from '@ferry/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { createPrompt, encoderTower, loadEncoder, poolings, withPrompt } from '../src/index.ts';
import { close, fixture, readExpected, tokensOf } from './expected.ts';

const random = RandomStream.fromSeed(1);
const families = ['bert', 'roberta', 'distilbert', 'mpnet', 'opt'];

/** A family's encoder, the prompt of its fixture, and what peft made of both. */
async function open(name: string, settings = {}) {
  const encoder = await loadEncoder(fixture(name), settings);
  const expected = await readExpected(name, 'prompt');
  const prompt = createPrompt(encoder, { length: 3 }, random);
  prompt.vectors.assign(tf.tensor(expected.values('vectors')!, [3, 8]));
  return { encoder, expected, prompt, inputs: expected.inputs(0)! };
}

describe.each(['ort', 'cpu'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
  });

  it.each(families)("of %s give peft's outputs, gradients and steps", async (name) => {
    const { encoder, expected, prompt, inputs } = await open(name);
    const probe = tf.tensor(expected.values('probe')!, [3, 7, 8]);
    const mask = tf.expandDims(tf.cast(inputs.mask!, 'float32'), -1);
    const optimizer = createOptimizer(
      { kind: 'adamw', learningRate: 1e-2, weightDecay: 0.01 },
      new Map([['vectors', prompt.vectors]]),
    );
    const step = compile(() => {
      const hidden = (): tf.Tensor => encoder.encode(withPrompt(encoder.parameters, prompt), inputs).hidden;
      const before = hidden();
      const { value, grads } = tf.variableGrads(
        () => tf.sum(tf.mul(tf.mul(hidden(), probe), mask)),
        [prompt.vectors],
      );
      optimizer.apply(grads);
      return { hidden: before, value, gradient: grads[prompt.vectors.name]! };
    });
    const losses: number[] = [];
    for (let i = 0; i < 5; i++) {
      optimizer.advance(i);
      const { hidden, value, gradient } = step();
      losses.push(value.dataSync()[0]!);
      if (i > 0) continue;
      expect(hidden.shape).toEqual([3, 7, 8]);
      const want = expected.values('0.hidden')!;
      close(tokensOf(hidden.dataSync(), inputs), tokensOf(want, inputs), 1e-5, 'hidden');
      close(gradient.dataSync(), expected.values('gradient')!, 1e-4, 'gradient');
    }
    close(losses, expected.values('losses')!, 1e-4, 'losses');
    step.dispose();
    optimizer.dispose();
    encoder.dispose();
  });
});

describe('a tower with a prompt', () => {
  it.each(families)('of %s makes vectors of the texts’ own tokens, in every pooling', async (name) => {
    await selectBackend('ort', { threads: 1, log: () => undefined });
    for (const pooling of poolings) {
      if (pooling === 'pooled') continue;
      const { encoder, prompt, expected, inputs } = await open(name, { pooling });
      const tower = encoderTower(encoder, { tuning: { prompt: { length: 3 } } }, random);
      expect(tower.trained).toEqual(['prompt.vectors']);
      expect(tower.frozenLayers).toBe(0);
      const p: Parameters = { ...tower.parameters, prompt };
      const { ids, mask } = inputs;
      const vectors = tower.vectors(p, { ids: ids!, mask: mask! }).dataSync();
      const lengths = [5, 7, 2];
      const hidden = expected.values('0.hidden')!;
      for (const [row, length] of lengths.entries()) {
        const tokens = Array.from({ length }, (_, t) =>
          hidden.subarray((row * 7 + t) * 8, (row * 7 + t + 1) * 8),
        );
        const made = Array.from({ length: 8 }, (_, d) => {
          const own = tokens.map((token) => token[d]!);
          if (pooling === 'max') return Math.max(...own);
          if (pooling === 'mean') return own.reduce((a, b) => a + b, 0) / length;
          return pooling === 'cls' ? own[0]! : own.at(-1)!;
        });
        close(vectors.slice(row * 8, row * 8 + 8), made, 1e-5, `${pooling} of row ${row}`);
      }
      encoder.dispose();
    }
  });

  it('begins with the vectors of words, and is refused where it means nothing', async () => {
    const encoder = await loadEncoder(fixture('bert'));
    const { vectors } = createPrompt(encoder, { length: 4 }, random);
    const words = (encoder.parameters['words'] as tf.Variable).arraySync() as number[][];
    for (const row of vectors.arraySync() as number[][]) expect(words).toContainEqual(row);
    expect(() => createPrompt(encoder, { length: 0 }, random)).toThrow(
      'length must be a positive integer, got 0',
    );
    const long = encoderTower(encoder, { tuning: { prompt: { length: 6 } } }, random);
    const ids = tf.zeros([1, 7], 'int32');
    expect(() => long.vectors(long.parameters, { ids })).toThrow('texts must have at most 6 tokens, got 7');
    encoder.dispose();
    for (const [name, settings] of [
      ['vit', {}],
      ['clip', { modality: 'text' as const }],
    ] as const) {
      const other = await loadEncoder(fixture(name), settings);
      expect(() => encoderTower(other, { tuning: { prompt: { length: 2 } } }, random)).toThrow(
        'prompts are for texts',
      );
      other.dispose();
    }
  });
});
