import { readFileSync } from 'node:fs';
import { compile, selectBackend, tf } from '@ferry/engine';
import { flattenParameters, matchGlob } from '@ferry/nn';
import {
  createCatalogue,
  createRecommender,
  plainFeed,
  readPositions,
  type FeedGroup,
  type Recommender,
} from '@ferry/sequential';
import { beforeAll, describe, expect, it } from 'vitest';
import { sasrec, type SasRec, type SasRecOptions } from '../src/index.ts';

/**
 * SASRec against the PyTorch twin of tools/parity/sasrec_twin.py, which pads all histories on the left to the longest
 * there may be.
 */
interface Encoded {
  shape: number[];
  float32: string;
}
type Form = 'bce' | 'softmax' | 'sampled' | 'last';
interface Fixture {
  sequences: number[][];
  items: number;
  positions: number;
  negatives: number[][];
  weights: Record<string, Encoded>;
  vectors: Encoded;
  forms: Record<Form, { loss: number; gradients: Record<string, Encoded> }>;
}
const fixture = JSON.parse(readFileSync(new URL('fixtures/sasrec.json', import.meta.url), 'utf8')) as Fixture;

const floats = ({ float32 }: Encoded): Float32Array => {
  const bytes = Uint8Array.from(Buffer.from(float32, 'base64'));
  return new Float32Array(bytes.buffer);
};

/** The twin's tensors for one of ours: queries, keys and values are apart there. */
function theirs(name: string, all: Record<string, Encoded>): Float32Array {
  const of = (key: string): Float32Array => floats(all[key]!);
  const [, layer, ours] = /^encoder\.layers\.(\d)\.(.*)$/.exec(name) ?? [];
  if (ours === undefined) return of(name.replace('items.ids', 'items').replace('inputNorm', 'norm'));
  const inner = ours
    .replace('selfAttention.outProjection', 'dense')
    .replace('linear1', 'dense_1')
    .replace('linear2', 'dense_2');
  if (!inner.startsWith('selfAttention.inProjection')) return of(`layers.${layer!}.${inner}`);
  const part = inner.split('.').at(-1)!;
  return Float32Array.from(
    ['query', 'key', 'value'].flatMap((key) => Array.from(of(`layers.${layer!}.${key}.${part}`))),
  );
}

const settings = (more: object = {}): SasRecOptions =>
  sasrec.complete!(
    sasrec.options.parse({
      width: 8,
      inner: 16,
      positions: fixture.positions,
      dropout: 0,
      ...more,
    }) as object,
    { task: 'finetune', featureWidths: {} },
  );

function make(options = settings()): Recommender<SasRec> {
  const catalogue = createCatalogue({ featureWidths: {} }, [{ items: fixture.items }]);
  return createRecommender(sasrec, { options, catalogue, seed: 1 });
}

function load(recommender: Recommender<SasRec>): void {
  for (const [name, variable] of recommender.weights())
    tf.tidy(() => {
      variable.assign(tf.tensor(theirs(name, fixture.weights), variable.shape));
    });
}

/** The fixture's sequences, their ends as the model reads them, in groups of one length each and in their order. */
function groupsOf(sizes: number[]): { groups: FeedGroup[]; targets: Int32Array } {
  const rows = fixture.sequences.map((sequence) => ({
    history: sequence.slice(0, -1).slice(-fixture.positions),
    target: sequence.at(-1)!,
  }));
  let from = 0;
  const groups = sizes.map((size) => {
    const own = rows.slice(from, (from += size));
    const length = Math.max(...own.map(({ history }) => history.length));
    const history = new Int32Array(size * length);
    own.forEach((row, b) => {
      history.set(row.history, b * length);
    });
    return { length, history, lengths: Int32Array.from(own, (row) => row.history.length) };
  });
  return { groups, targets: Int32Array.from(rows, ({ target }) => target) };
}

function close(got: ArrayLike<number>, want: ArrayLike<number>, what: string, bound = 1e-5): void {
  expect(got.length, what).toBe(want.length);
  const largest = Array.from(want).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
  const worst = Array.from(want).reduce((most, x, i) => Math.max(most, Math.abs(x - got[i]!)), 0);
  expect(worst / largest, what).toBeLessThan(bound);
}

describe.each(['cpu', 'ort'] as const)('SASRec on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it.each([[[5]], [[2, 3]], [[1, 1, 1, 1, 1]]])('every position as the twin, groups %j', (sizes) => {
    const recommender = make();
    load(recommender);
    const { groups, targets } = groupsOf(sizes);
    const { read, weights } = readPositions(groups, targets);
    const feed = plainFeed(groups, { longest: fixture.positions, read });
    const step = { p: recommender.parameters, options: recommender.options, held: {}, random: undefined };
    const items = sasrec.items(step, recommender.catalogue.inputs);
    const got = sasrec.queries(step, items, feed).vectors.dataSync();
    const all = floats(fixture.vectors);
    const width = recommender.options.width;
    const want = fixture.sequences.flatMap((sequence, b) => {
      const n = Math.min(sequence.length - 1, fixture.positions);
      const end = (b + 1) * fixture.positions;
      return Array.from(all.subarray((end - n) * width, end * width));
    });
    close(got.subarray(0, want.length), want, 'vectors');
    expect(weights.reduce((a, b) => a + b, 0) * width).toBe(want.length);
    // What evaluation reads: the last item's vector alone.
    const last = sasrec.queries(step, items, plainFeed(groups, { longest: fixture.positions })).vectors;
    const lasts = fixture.sequences.flatMap((_, b) =>
      Array.from(
        all.subarray(((b + 1) * fixture.positions - 1) * width, (b + 1) * fixture.positions * width),
      ),
    );
    close(last.dataSync(), lasts, 'last vectors');
    recommender.dispose();
  });

  it.each([
    ['bce', 'bce', { targets: 'all' }],
    ['softmax', 'softmax', { targets: 'all' }],
    ['last', 'softmax', { targets: 'last' }],
    ['sampled', 'sampled-softmax', { targets: 'all', negatives: 5, avoid: 'seen' }],
  ] as const)('loss and gradients of %s as the twin', (form, name, given) => {
    const recommender = make();
    load(recommender);
    const { options, parameters: p, catalogue } = recommender;
    const definition = sasrec.objectives[name]!;
    const objective = definition.create(definition.options.parse(given) as object, options);
    const { groups, targets } = groupsOf([2, 3]);
    const found = readPositions(groups, targets);
    const all = given.targets === 'all';
    const feed = plainFeed(groups, { longest: fixture.positions, ...(all && { read: found.read }) });
    const K = form === 'bce' ? 1 : 5;
    const rows = Array.from(found.read, (_, r) =>
      (fixture.negatives[r] ?? fixture.negatives[0]!).slice(0, K),
    );
    const inputs = {
      feed,
      items: tf.tensor1d(all ? found.targets : targets, 'int32'),
      ...(all && { weights: tf.tensor1d(found.weights) }),
      ...((form === 'bce' || form === 'sampled') && { negatives: tf.tensor2d(rows, undefined, 'int32') }),
    };
    const variables = [...flattenParameters(p).values()];
    const run = compile(
      (given: typeof inputs) => {
        const step = { p, options, held: {}, random: undefined, model: sasrec, count: catalogue.items };
        return tf.variableGrads(() => {
          const items = sasrec.items(step, catalogue.inputs);
          return objective.loss({ ...step, inputs: catalogue.inputs, items: () => items }, given).loss;
        }, variables);
      },
      { name: 'sasrec.parity' },
    );
    const { value, grads } = run(inputs);
    const want = fixture.forms[form];
    close(value.dataSync(), [want.loss], 'loss');
    for (const [weight, variable] of flattenParameters(p))
      close(grads[variable.name]!.dataSync(), theirs(weight, want.gradients), weight, 1e-4);
    run.dispose();
    recommender.dispose();
  });

  it.each(['s3rec', 'recbole', 'paper', 'authors', 'rectools', 'morec'] as const)(
    'preset %s: positions, normalisations and sizes',
    (preset) => {
      const options = sasrec.complete!(sasrec.options.parse({ preset, positions: 9 }) as object, {
        task: 'finetune',
        featureWidths: {},
      });
      const recommender = make(options);
      const names = [...recommender.weights().keys()];
      const ofPaper = ['paper', 'authors', 'rectools'].includes(preset);
      expect(names.includes('inputNorm.weight')).toBe(!ofPaper);
      expect(names.includes('encoder.norm.weight')).toBe(ofPaper);
      expect(options.inner).toBe(ofPaper ? options.width : preset === 'morec' ? 2048 : 256);
      expect(options.norm).toBe(preset === 'paper' ? 'pre' : ofPaper ? 'query' : 'post');
      expect(options.scale).toBe(preset === 'paper' || preset === 'authors');
      const step = { p: recommender.parameters, options, held: {}, random: undefined };
      const items = sasrec.items(step, recommender.catalogue.inputs);
      const vectorOf = (history: number[], length: number): Float32Array => {
        const padded = new Int32Array(length);
        padded.set(history);
        const group = { length, history: padded, lengths: Int32Array.of(history.length) };
        return sasrec
          .queries(step, items, plainFeed([group], { longest: 9 }))
          .vectors.dataSync() as Float32Array;
      };
      // However far a history is padded, its vector is the same; and it is that of its own items in their order.
      close(vectorOf([3, 5, 7], 8), vectorOf([3, 5, 7], 3), 'padding');
      expect(vectorOf([5, 3, 7], 3)).not.toEqual(vectorOf([3, 5, 7], 3));
      recommender.dispose();
    },
  );

  it('a table of its own for candidates, and scaled input', () => {
    const recommender = make(settings({ tied: false, scale: true }));
    const step = { p: recommender.parameters, options: recommender.options, held: {}, random: undefined };
    const items = sasrec.items(step, recommender.catalogue.inputs);
    const { vectors } = sasrec.candidates(step, items, 'items');
    const { width } = recommender.options;
    const own = recommender.parameters.output!.weight.dataSync().slice(width);
    expect(Array.from(vectors.dataSync())).toEqual(Array.from(own));
    recommender.dispose();
  });
});

it('heads must divide the width', () => {
  expect(() => settings({ heads: 3 })).toThrow('heads must divide the width 8, got 3');
});

it('first weights depend on the seed alone', async () => {
  await selectBackend('cpu');
  const values = (seed: number) => {
    const catalogue = createCatalogue({ featureWidths: {} }, [{ items: 5 }]);
    const made = createRecommender(sasrec, { options: settings(), catalogue, seed });
    const all = [...made.weights().values()].map((variable) => Array.from(variable.dataSync()));
    made.dispose();
    return all;
  };
  expect(values(1)).toEqual(values(1));
  expect(values(1)).not.toEqual(values(2));
});

it('preset morec: inner width four times the width, and attention without biases, which stay 0', () => {
  const complete = (more: object) =>
    sasrec.complete!(sasrec.options.parse({ preset: 'morec', ...more }) as object, {
      task: 'finetune',
      featureWidths: {},
    });
  const { inner, dropout, attentionDropout, epsilon } = complete({ width: 32 });
  expect([inner, dropout, attentionDropout, epsilon]).toEqual([128, 0.1, 0.1, 1e-6]);
  expect(complete({ inner: 7, dropout: 0.3 })).toMatchObject({ inner: 7, attentionDropout: 0.3 });
  const unused = (attentionBias: boolean) => sasrec.weights.unused!({ ...complete({}), attentionBias });
  expect(unused(true)).toEqual([]);
  const recommender = make(complete({ width: 4, heads: 2 }));
  const biases = [...recommender.weights()].filter(([name]) => matchGlob(unused(false)[0]!, name));
  expect(biases).toHaveLength(4);
  for (const [, variable] of biases) expect(variable.dataSync().every((x) => x === 0)).toBe(true);
  recommender.dispose();
});
