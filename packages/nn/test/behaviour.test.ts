import { compile, randomKey, randomSource, RandomStream, tf } from '@ferry/engine';
import { expect, it } from 'vitest';
import {
  additiveAttention,
  addPositions,
  attentionBias,
  causalEncoder,
  createAdditiveAttention,
  createAttention,
  createDecoder,
  createEmbedding,
  createEncoder,
  createEncoderLayer,
  createGru,
  embed,
  flattenParameters,
  gatherPositions,
  gru,
  packedGru,
  multiHeadAttention,
  normalize,
  paddingMask,
  sinusoidalPositions,
  transformerDecoder,
  transformerEncoder,
  transformerEncoderLayer,
} from '../src/index.ts';
import {
  describeVariants,
  differentiate,
  expectClose,
  expectGradients,
  fill,
  fillParameters,
  numbers,
} from './helpers.ts';

const [B, L, M, D, H] = [2, 5, 4, 8, 2] as const;
const random = RandomStream.fromSeed(1);
const sizes = { layers: 2, width: D, feedForward: 6 };
const values = (name: string, ...shape: number[]) => tf.tensor(fill(name, shape), shape);

const NORMS = ['post', 'pre', 'query'] as const;

it('attention, the inner activation and block outputs may have dropout rates of their own', () => {
  const encoder = createEncoder({ ...sizes, layers: 1 }, random);
  fillParameters(encoder);
  const x = values('x', B, L, D);
  const run = (rates: object) => {
    const source = randomSource(randomKey(RandomStream.fromSeed(1), 0));
    return Array.from(causalEncoder(encoder, x, { heads: H, random: source, ...rates }).dataSync());
  };
  const none = run({});
  const only = [
    run({ rate: 0.5, attentionRate: 0, innerRate: 0 }),
    run({ attentionRate: 0.5 }),
    run({ innerRate: 0.5 }),
  ];
  for (const changed of only) expect(changed).not.toEqual(none);
  expect(run({ rate: 0, attentionRate: 0, innerRate: 0 })).toEqual(none);
  expect(run({ rate: 0.5 })).toEqual(run({ rate: 0.5, attentionRate: 0.5, innerRate: 0.5 }));
});

it('drops the output of self-attention, but not where keys and values are not normalised', () => {
  const layer = createEncoderLayer({ width: D, feedForward: 4 }, random);
  fillParameters(layer);
  // What the feed-forward part gives is left out.
  layer.linear2.weight.assign(tf.zerosLike(layer.linear2.weight));
  layer.linear2.bias.assign(tf.zerosLike(layer.linear2.bias));
  const x = values('x', B, L, D);
  const run = (norm: (typeof NORMS)[number], rate: number): number[] => {
    const source = randomSource(randomKey(RandomStream.fromSeed(1), 0));
    const options = { heads: H, norm, rate, attentionRate: 0, innerRate: 0, random: source };
    return [...transformerEncoderLayer(layer, x, options).dataSync()];
  };
  for (const norm of NORMS) {
    if (norm === 'query') expect(run(norm, 0.5)).toEqual(run(norm, 0));
    else expect(run(norm, 0.5)).not.toEqual(run(norm, 0));
  }
});

describeVariants('transformers', (variant) => {
  it.each(NORMS)('rows that are read equal those of the full result (%s-norm)', (norm) => {
    const decoder = createDecoder(sizes, random);
    fillParameters(decoder);
    const x = tf.variable(values('x', B, L, D));
    const memory = tf.variable(values('memory', B, M, D));
    const variables = [...flattenParameters(decoder).values(), x, memory];
    const masks = {
      positions: tf.tensor1d([2, 4], 'int32'),
      hidden: tf.tensor2d([0, 0, 0, 1, 1, 0, 0, 0, 0, 0], [B, L]),
      memoryHidden: tf.tensor2d([1, 0, 0, 0, 0, 0, 0, 1], [B, M]),
    };
    const run = (readEarly: boolean) =>
      differentiate(variant, variables, masks, ({ positions, hidden, memoryHidden }) => {
        const read = (h: tf.Tensor) => gatherPositions(h, positions);
        const options = { heads: H, norm, hidden, memoryHidden };
        return readEarly
          ? transformerDecoder(decoder, x, memory, { ...options, read })
          : read(transformerDecoder(decoder, x, memory, options));
      });
    const early = run(true);
    const late = run(false);
    expect(early.shape).toEqual([B, 1, D]);
    expectClose(early.output, late.output, 1e-5);
    for (const variable of variables)
      expectClose(early.gradients.get(variable)!, late.gradients.get(variable)!, 1e-4);
  });

  const READ = {
    'one position': tf.tensor1d([2, 4], 'int32'),
    'chosen positions': tf.tensor2d([1, 4, 2, 0, 3, 3], [B, 3], 'int32'),
  };
  const READERS = Object.keys(READ).flatMap((read) =>
    NORMS.flatMap((norm) => [true, false].map((causal) => ({ read, norm, causal }))),
  );

  it.each(READERS)('encoder and decoder read $read as all ($norm-norm, causal: $causal)', (given) => {
    const { norm, causal } = given;
    const readAt = READ[given.read as keyof typeof READ];
    const encoder = createEncoder(sizes, random);
    const decoder = createDecoder(sizes, random);
    const tree = { encoder, decoder };
    fillParameters(tree);
    const [x, memory] = [tf.variable(values('x', B, L, D)), tf.variable(values('memory', B, M, D))];
    const variables = [...flattenParameters(tree).values(), x, memory];
    const hidden = tf.tensor2d([0, 0, 0, 0, 1, 1, 0, 0, 0, 0], [B, L]);
    const run = (readEarly: boolean) =>
      differentiate(variant, variables, { positions: readAt, hidden }, ({ positions, hidden }) => {
        // A padding mask beside the causal one: padding on the left of the second sequence.
        const options = { heads: H, norm, causal, hidden };
        const early = { ...options, readAt: positions };
        return readEarly
          ? tf.add(transformerEncoder(encoder, x, early), transformerDecoder(decoder, x, memory, early))
          : gatherPositions(
              tf.add(
                transformerEncoder(encoder, x, options),
                transformerDecoder(decoder, x, memory, options),
              ),
              positions,
            );
      });
    const early = run(true);
    const late = run(false);
    expect(early.shape).toEqual([B, readAt.size / B, D]);
    expectClose(early.output, late.output, 1e-5);
    for (const variable of variables)
      expectClose(early.gradients.get(variable)!, late.gradients.get(variable)!, 1e-4);
  });

  it('what is hidden changes nothing', () => {
    const encoder = createEncoder(sizes, random);
    const decoder = createDecoder(sizes, random);
    const run = compile((x: tf.Tensor, memory: tf.Tensor, hidden: tf.Tensor, memoryHidden: tf.Tensor) => {
      const encoded = transformerEncoder(encoder, memory, { heads: H, hidden: memoryHidden });
      const y = transformerDecoder(decoder, x, encoded, { heads: H, hidden, memoryHidden });
      return tf.slice(y, [0, 0, 0], [B, 3, D]);
    });
    const hidden = tf.tensor2d([0, 0, 0, 1, 1, 0, 0, 0, 1, 1], [B, L]);
    const memoryHidden = tf.cast(tf.tensor2d([1, 0, 0, 1, 1, 0, 0, 1], [B, M]), 'bool');
    const noise = (shape: number[], mask: tf.Tensor) =>
      tf.mul(tf.mul(values('noise', ...shape), 50), tf.expandDims(tf.cast(mask, 'float32'), -1));
    const x = values('x', B, L, D);
    const memory = values('memory', B, M, D);
    const plain = run(x, memory, hidden, memoryHidden);
    const other = run(
      tf.add(x, noise([B, L, D], hidden)),
      tf.add(memory, noise([B, M, D], memoryHidden)),
      hidden,
      memoryHidden,
    );
    expect(numbers(other)).toEqual(numbers(plain));
    const seen = run(tf.add(x, noise([B, L, D], tf.ones([B, L]))), memory, hidden, memoryHidden);
    expect(numbers(seen)).not.toEqual(numbers(plain));
    run.dispose();
  });

  it('causal: later positions change nothing before them', () => {
    const encoder = createEncoder(sizes, random);
    const run = compile((x: tf.Tensor) =>
      tf.slice(transformerEncoder(encoder, x, { heads: H, causal: true }), [0, 0, 0], [B, 3, D]),
    );
    const x = values('x', B, L, D);
    const [head, tail] = tf.split(x, [3, 2], 1);
    expect(numbers(run(tf.concat([head!, tf.mul(tail!, -9)], 1)))).toEqual(numbers(run(x)));
    run.dispose();
  });

  it('dropout is fresh per step, a function of the key, and off without a source', () => {
    const encoder = createEncoder(sizes, random);
    const run = compile((x: tf.Tensor, key: tf.Tensor) =>
      transformerEncoder(encoder, x, { heads: H, rate: 0.5, random: randomSource(key) }),
    );
    const x = values('x', B, L, D);
    const at = (step: number) => numbers(run(x, randomKey(RandomStream.fromSeed(5), step)));
    expect(at(0)).toEqual(at(0));
    expect(at(0)).not.toEqual(at(1));
    expect(numbers(transformerEncoder(encoder, x, { heads: H, rate: 0.5 }))).toEqual(
      numbers(transformerEncoder(encoder, x, { heads: H })),
    );
    run.dispose();
  });
});

describeVariants('layers', () => {
  it('one mask for both causes of hiding', () => {
    const hidden = tf.tensor2d([[1, 0, 0]]);
    const bias = attentionBias(3, 3, { hidden, causal: true })!;
    expect(bias.shape).toEqual([1, 1, 3, 3]);
    expect([...bias.dataSync()].map((v) => v < 0)).toEqual(
      // The first query sees nothing; all of its keys weigh alike.
      [true, true, true, true, false, true, true, false, false],
    );
    expect(new Set(bias.dataSync())).toEqual(new Set([Math.fround(-1e9), -0]));
    expect(attentionBias(3, 3, {})).toBeUndefined();
    expect(() => attentionBias(2, 3, { causal: true })).toThrow('as many queries as keys, got 2 and 3');
    expect(() => attentionBias(3, 3, { hidden: tf.zeros([2, 4]) })).toThrow(
      'hidden must be [B, 3] or [B, 3, 3], got [2, 4]',
    );
  });

  it('one visible key takes all the weight', () => {
    const p = createAttention(4, random);
    const x = values('x', 1, 3, 4);
    const hidden = tf.tensor2d([[1, 0, 1]]);
    const y = multiHeadAttention(p, x, x, { heads: 2, hidden });
    const weight = tf.slice(p.inProjection.weight, [8, 0], [4, 4]);
    const value = tf.matMul(tf.reshape(tf.slice(x, [0, 1, 0], [1, 1, 4]), [1, 4]), weight, false, true);
    const row = tf.matMul(value, p.outProjection.weight, false, true);
    expectClose(numbers(y), [...numbers(row), ...numbers(row), ...numbers(row)], 1e-6);
  });

  it('refuse a query beside a causal mask', () => {
    const p = createEncoder(sizes, random);
    const x = values('x', B, L, D);
    const read = (h: tf.Tensor) => tf.slice(h, [0, 0, 0], [B, 1, D]);
    expect(() => transformerEncoder(p, x, { heads: H, causal: true, read })).toThrow(
      'say the positions by readAt',
    );
  });

  it('additive attention of the published example', () => {
    const p = createAdditiveAttention({ width: 2, hidden: 2 }, random);
    p.projection.weight.assign(tf.tensor2d([0.5, 0.25, -0.5, 0.75], [2, 2]));
    p.projection.bias.assign(tf.tensor1d([0.1, -0.1]));
    p.query.assign(tf.tensor1d([1, 2]));
    const { output, weights } = additiveAttention(p, tf.tensor3d([1, 0, 0, 1, 1, 1], [1, 3, 2]));
    expectClose(numbers(weights), [0.07625898, 0.57300834, 0.35073268], 1e-6);
    expectClose(numbers(output), [0.42699166, 0.92374102], 1e-6);
    const none = additiveAttention(p, tf.ones([1, 3, 2]), { hidden: tf.ones([1, 3]) });
    expect([...numbers(none.output)]).toEqual([0, 0]);
  });

  it('gradients of additive attention and GRU by finite differences', () => {
    const hidden = tf.tensor2d([0, 0, 1, 0, 1, 1], [2, 3]);
    const h = tf.variable(values('h', 2, 3, 4));
    const additive = createAdditiveAttention({ width: 4, hidden: 3 }, random);
    fillParameters(additive);
    expectGradients([...flattenParameters(additive).values(), h], () =>
      tf.square(tf.add(additiveAttention(additive, h, { hidden }).output, 1)),
    );
    const cell = createGru({ inputs: 4, width: 3 }, random);
    fillParameters(cell);
    const initial = tf.variable(values('initial', 2, 3));
    expectGradients([...flattenParameters(cell).values(), h, initial], () =>
      tf.square(tf.add(gru(cell, h, { initial, hidden }).output, 1)),
    );
  });

  it('packed sequences have the states of the padded ones', () => {
    const cell = createGru({ inputs: 2, width: 3 }, random);
    const x = values('x', 3, 4, 2); // lengths 4, 2, 2
    const { output } = gru(cell, x);
    const [rows, inputs] = [output.arraySync(), x.arraySync()] as [number[][][], number[][][]];
    const places = [0, 1, 2, 3].flatMap((t) => (t < 2 ? [0, 1, 2] : [0]).map((b) => [b, t] as const));
    const packed = packedGru(cell, tf.tensor2d(places.map(([b, t]) => inputs[b]![t]!)), [3, 3, 1, 1]);
    expectClose(
      numbers(packed),
      places.flatMap(([b, t]) => rows[b]![t]!),
      1e-6,
    );
    fillParameters(cell);
    const h = tf.variable(values('h', 8, 2));
    expectGradients([...flattenParameters(cell).values(), h], () =>
      tf.square(tf.add(packedGru(cell, h, [3, 3, 1, 1]), 1)),
    );
    expect(() => packedGru(cell, h, [1, 3])).toThrow('never larger than the one before, got');
  });

  it('a GRU passes padding by unchanged', () => {
    const cell = createGru({ inputs: 2, width: 3 }, random);
    const x = values('x', 1, 3, 2);
    const { output, last } = gru(cell, x, { hidden: tf.tensor2d([[0, 1, 1]]) });
    const rows = numbers(output);
    expect([...rows.slice(3, 6), ...rows.slice(6, 9)]).toEqual([...rows.slice(0, 3), ...rows.slice(0, 3)]);
    expect(numbers(last)).toEqual(rows.slice(0, 3));
    expect(() => gru(cell, tf.zeros([1, 0, 2]))).toThrow('L at least 1');
  });

  it('positions', () => {
    const sines = sinusoidalPositions(3, 4);
    const hand = [0, 1, 0, 1, Math.sin(1), Math.cos(1), Math.sin(0.01), Math.cos(0.01)];
    expectClose(sines.slice(0, 8), hand, 1e-7);
    const table = createEmbedding({ count: 3, width: 2 }, random);
    table.weight.assign(tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]));
    expect([...addPositions(table, tf.zeros([2, 2, 2])).dataSync()]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
    expect(() => addPositions(table, tf.zeros([1, 4, 2]))).toThrow('L at most 3, got [1, 4, 2]');
    const x = tf.tensor3d([1, 2, 3, 4, 5, 6], [1, 3, 2]);
    expect([...gatherPositions(x, tf.tensor1d([1], 'int32')).dataSync()]).toEqual([3, 4]);
    expect(() => gatherPositions(x, tf.tensor1d([1]))).toThrow(
      'positions int32 [B] or [B, Q], got [1, 3, 2] and float32 [1]',
    );
    expect([...paddingMask(tf.tensor2d([[3, 0]], undefined, 'int32')).dataSync()]).toEqual([0, 1]);
  });

  it('the padding id is zero whatever the table holds, and takes no gradient', () => {
    const p = createEmbedding({ count: 2, width: 1 }, random);
    p.weight.assign(tf.tensor2d([5, 6], [2, 1]));
    const ids = tf.tensor2d([[0, 1, 1]], undefined, 'int32');
    expect([...embed(p, ids, { padding: 0 }).dataSync()]).toEqual([0, 6, 6]);
    const { grads } = tf.variableGrads(() => tf.sum(embed(p, ids, { padding: 0 })), [p.weight]);
    expect([...grads[p.weight.name]!.dataSync()]).toEqual([0, 2]);
  });

  it('unit vectors, also of nothing', () => {
    const x = tf.variable(tf.tensor2d([3, 4, 0, 0], [2, 2]));
    expectClose(numbers(normalize(x)), [0.6, 0.8, 0, 0], 1e-6);
    const { grads } = tf.variableGrads(() => tf.sum(normalize(x)), [x]);
    expect(numbers(grads[x.name]!).every(Number.isFinite)).toBe(true);
  });
});
