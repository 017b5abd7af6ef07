import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { OrtBackend } from '../src/backend.ts';
import { compile, gatheredProducts, registerOrtBackend } from '../src/index.ts';
import { HostMemory } from '../src/runtime/memory.ts';
import { mixed, noise } from './support/cases.ts';
import { expectClose } from './support/harness.ts';

afterAll(() => tf.setBackend('cpu'));

const V = 40;

/** Queries [R, D], table [V, D], ids [R, K] of which many are equal, gradient of the products [R, K]. */
const world = (R: number, K: number, D: number) => ({
  queries: noise(R * D),
  table: noise(V * D, 1),
  ids: Int32Array.from({ length: R * K }, (_, i) => mixed(i) % (i % 3 === 0 ? 2 : V)),
  dy: noise(R * K, 2),
});

type World = ReturnType<typeof world>;

/** Products and both gradients, element by element in double precision. */
function literal({ queries, table, ids, dy }: World, R: number, K: number, D: number): Float64Array[] {
  const out = new Float64Array(R * K);
  const dQueries = new Float64Array(R * D);
  const dTable = new Float64Array(V * D);
  ids.forEach((id, i) => {
    const r = Math.floor(i / K);
    for (let d = 0; d < D; d++) {
      out[i]! += queries[r * D + d]! * table[id * D + d]!;
      dQueries[r * D + d]! += dy[i]! * table[id * D + d]!;
      dTable[id * D + d]! += dy[i]! * queries[r * D + d]!;
    }
  });
  return [out, dQueries, dTable];
}

/** The same by the operation, compiled on `ort`. */
function computed({ queries, table, ids, dy }: World, shape: [number, number, number], elements?: number) {
  const [R, K, D] = shape;
  const run = (q: tf.Tensor, t: tf.Tensor, i: tf.Tensor, g: tf.Tensor): tf.Tensor[] => {
    // Ids that the function makes itself, as sampling does.
    const own = tf.cast(tf.floor(i), 'int32');
    const of = tf.valueAndGrads((x: tf.Tensor, y: tf.Tensor) =>
      tf.sum(tf.mul(gatheredProducts(x as tf.Tensor2D, y, own, elements), g)),
    );
    return [gatheredProducts(q as tf.Tensor2D, t, own, elements), ...of([q, t]).grads];
  };
  const inputs = [
    tf.tensor2d(queries, [R, D]),
    tf.tensor2d(table, [V, D]),
    tf.tensor2d(
      Float32Array.from(ids, (id) => id + 0.25),
      [R, K],
    ),
    tf.tensor2d(dy, [R, K]),
  ] as const;
  const step = tf.getBackend() === 'ort' ? compile(run) : undefined;
  const results = (step ?? run)(...inputs).map((tensor) => tensor.dataSync().slice() as Float32Array);
  step?.dispose();
  return results;
}

/** Backends: tfjs's own, ours, ours with a memory too small for the operands. */
const BACKENDS: Record<string, number | undefined> = {
  cpu: undefined,
  ort: 65_536,
  'ort outside its memory': 16,
};

async function use(name: string): Promise<void> {
  registerOrtBackend({ threads: 1 });
  const pages = BACKENDS[name];
  if (pages === undefined) {
    await tf.setBackend('cpu');
    return;
  }
  tf.removeBackend('ort');
  const backend = new OrtBackend({ threads: 1, providers: ['cpu'] }, new HostMemory(pages));
  tf.registerBackend('ort', () => backend);
  await tf.setBackend('ort');
}

// Widths and numbers of ids that are no multiples of a vector; more than 2 ** 20 elements, from which on rows are not
// gathered whole.
const SHAPES: [number, number, number][] = [
  [3, 5, 7],
  [121, 90, 101],
  [64, 257, 64],
];

describe.each(Object.keys(BACKENDS))('gatheredProducts on %s', (name) => {
  beforeAll(() => use(name));

  // tfjs's cpu backend adds rows too slowly for large ones.
  it.each(name === 'cpu' ? SHAPES.slice(0, 1) : SHAPES)(
    'R %i, K %i, D %i: the literal sums and their gradients',
    (...shape) => {
      const [R, K, D] = shape;
      const given = world(R, K, D);
      const want = literal(given, R, K, D);
      // Blocks of two queries, or of seven, the last one smaller.
      for (const elements of [undefined, (R < 7 ? 2 : 7) * K * D])
        computed(given, shape, elements).forEach((values, i) => {
          expectClose(values, want[i]!, 2e-5, `result ${i}`);
        });
    },
  );

  it.each([-1, V])('an id of %i is an error that names it', (id) => {
    const shape = SHAPES[name === 'cpu' ? 0 : 1]!;
    const given = world(...shape);
    given.ids[given.ids.length - 2] = id;
    expect(() => computed(given, shape)).toThrow(`an index must be in [0, ${V}), got ${id}`);
  });
});

it('outside the host memory, the same bits', async () => {
  const all = [];
  for (const name of ['ort', 'ort outside its memory']) {
    await use(name);
    all.push(computed(world(...SHAPES[1]!), SHAPES[1]!));
  }
  expect(all[1]).toEqual(all[0]);
});
