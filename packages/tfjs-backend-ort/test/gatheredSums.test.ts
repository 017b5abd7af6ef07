import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { compile, gatheredSums, registerOrtBackend } from '../src/index.ts';
import { mixed, noise } from './support/cases.ts';
import { expectClose } from './support/harness.ts';

afterAll(() => tf.setBackend('cpu'));

const V = 40;

/** Sums and both gradients, element by element in double precision. */
function literal(
  weights: number[] | Float32Array,
  table: number[] | Float32Array,
  ids: Int32Array,
  dy: number[] | Float32Array,
  [K, D]: readonly [number, number],
): Float64Array[] {
  const out = new Float64Array(dy.length);
  const dWeights = new Float64Array(ids.length);
  const dTable = new Float64Array(V * D);
  ids.forEach((id, i) => {
    const r = Math.floor(i / K);
    for (let d = 0; d < D; d++) {
      out[r * D + d]! += weights[i]! * table[id * D + d]!;
      dWeights[i]! += dy[r * D + d]! * table[id * D + d]!;
      dTable[id * D + d]! += weights[i]! * dy[r * D + d]!;
    }
  });
  return [out, dWeights, dTable];
}

describe.each(['cpu', 'ort'])('gatheredSums on %s', (backend) => {
  beforeAll(async () => {
    registerOrtBackend({ threads: 1 });
    await tf.setBackend(backend);
  });

  // Gathered as they are, and by host kernels where there are many; tfjs's own way with many takes long.
  it.each([[7, 3, 5], backend === 'ort' ? [700, 30, 52] : [70, 30, 12]] as const)(
    '%i sums of %i rows, %i wide: values and both gradients',
    (R, K, D) => {
      const given = [noise(R * K), noise(V * D, 1)] as const;
      const ids = Int32Array.from({ length: R * K }, (_, i) => mixed(i) % (i % 3 === 0 ? 2 : V));
      const dy = noise(R * D, 2);
      const run = (w: tf.Tensor, t: tf.Tensor, i: tf.Tensor, g: tf.Tensor): tf.Tensor[] => {
        const of = tf.grads((x: tf.Tensor, y: tf.Tensor) => tf.sum(tf.mul(gatheredSums(x, y, i), g)));
        return [gatheredSums(w, t, i), ...of([w, t])];
      };
      const step = backend === 'ort' ? compile(run) : run;
      const found = tf.tidy(() =>
        step(
          tf.tensor2d(given[0], [R, K]),
          tf.tensor2d(given[1], [V, D]),
          tf.tensor2d(ids, [R, K], 'int32'),
          tf.tensor2d(dy, [R, D]),
        ).map((tensor) => tensor.dataSync().slice()),
      );
      literal(...given, ids, dy, [K, D]).forEach((wanted, at) => {
        expectClose(found[at]!, wanted, 1e-4, ['sums', 'of weights', 'of the table'][at]);
      });
    },
  );

  it('refuses shapes that do not belong together', () => {
    const ids = tf.zeros([2, 3], 'int32');
    expect(() => gatheredSums(tf.ones([2, 2]), tf.ones([4, 5]), ids)).toThrow(
      'weights and ids must be [R, K]',
    );
    expect(() => gatheredSums(tf.ones([2, 3]), tf.ones([4, 5]), tf.ones([2, 3]))).toThrow('must be int32');
  });
});
