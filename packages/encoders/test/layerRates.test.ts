/** Learning rates that fall from layer to layer, and rise at first (tools/parity/encoders.py). */
import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { createOptimizer, createSchedule, flattenParameters } from '@ferry/nn';
import { describe, expect, it } from 'vitest';
import { encoderTower, layerRates, loadEncoder, type Tuning } from '../src/index.ts';
import { close, fixture, readExpected, tokensOf } from './expected.ts';

const random = RandomStream.fromSeed(1);

describe.each(['ort', 'cpu'] as const)('on %s', (backend) => {
  it("five steps are PyTorch's", async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
    const encoder = await loadEncoder(fixture('minilm'), { pooling: 'pooled', normalise: false });
    const tower = encoderTower(encoder, {}, random);
    const [given, wanted] = [await readExpected('minilm'), await readExpected('minilm', 'rates')];
    const inputs = given.inputs(0)!;
    const all = flattenParameters(tower.parameters);
    const trained = new Map(tower.trained.map((name) => [name, all.get(name)!]));
    const schedule = createSchedule({ warmup: 3 });
    const optimizer = createOptimizer(
      {
        ...{ kind: 'adamw', weightDecay: 0.01, decay: ['**'] },
        groups: layerRates(tower, 1e-3, 0.5).map((group) => ({ ...group, schedule })),
      },
      trained,
    );
    const mask = tf.expandDims(tf.cast(inputs.mask!, 'float32'), -1);
    const loss = (): tf.Scalar => {
      const { hidden, pooled } = encoder.encode(encoder.parameters, inputs);
      const [tokens, whole] = [given.values('probe.0')!, given.values('probe.1')!];
      const kept = tf.mul(tf.mul(hidden, tf.tensor(tokens, hidden.shape)), mask);
      return tf.add(tf.sum(kept), tf.sum(tf.mul(pooled!, tf.tensor(whole, pooled!.shape))));
    };
    const step = compile(() => {
      const { value, grads } = tf.variableGrads(loss, [...trained.values()]);
      optimizer.apply(grads);
      return value;
    });
    const losses: number[] = [];
    for (let i = 0; i < 5; i++) {
      optimizer.advance(i);
      losses.push(step().dataSync()[0]!);
    }
    close(losses, wanted.values('losses')!, 1e-4, 'losses');
    const { hidden } = encoder.encode(encoder.parameters, inputs);
    close(tokensOf(hidden.dataSync(), inputs), tokensOf(wanted.values('hidden')!, inputs), 1e-4, 'hidden');
    step.dispose();
    optimizer.dispose();
    encoder.dispose();
  });
});

describe('rates of layers', () => {
  it.each<{ tuning: Tuning; rates: Record<string, number> }>([
    {
      tuning: 'all',
      rates: {
        'weights.words': 0.125,
        'weights.layers.0.up.bias': 0.25,
        'weights.layers.1.up.bias': 0.5,
        'weights.layers.2.up.bias': 1,
        'weights.pooler.weight': 1,
      },
    },
    {
      tuning: { layers: 2 },
      rates: {
        'weights.layers.1.norm1.bias': 0.5,
        'weights.layers.2.norm1.bias': 1,
        'weights.pooler.bias': 1,
      },
    },
    { tuning: { lora: { rank: 1 } }, rates: { 'lora.layers.0.attention.query.a': 0.25 } },
    { tuning: { prompt: { length: 2 } }, rates: { 'prompt.vectors': 0.125 } },
  ])('with tuning $tuning', async ({ tuning, rates }) => {
    const encoder = await loadEncoder(fixture('minilm'), { pooling: 'pooled' });
    const tower = encoderTower(encoder, { tuning }, random);
    const all = flattenParameters(tower.parameters);
    const trained = new Map(tower.trained.map((name) => [name, all.get(name)!]));
    const groups = layerRates(tower, 1, 0.5);
    // One rate is one group, and every pattern matches something.
    expect(new Set(groups.map(({ learningRate }) => learningRate)).size).toBe(groups.length);
    createOptimizer({ kind: 'adam', groups }, trained).dispose();
    const glob = (pattern: string) =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replace('**', '.+').replace(/^\*/, '[^.]+')}$`);
    const rateOf = (name: string) =>
      groups.find(({ match }) => match.some((pattern) => glob(pattern).test(name)))?.learningRate;
    for (const [name, rate] of Object.entries(rates)) expect(rateOf(name), name).toBe(rate);
    for (const name of tower.trained) expect(rateOf(name), name).toBeDefined();
    expect(layerRates(tower, 0.3, 1)).toHaveLength(1);
    encoder.dispose();
  });
});
