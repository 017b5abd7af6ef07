import { tf } from '../tfjs.js';
import { distinctRows, putRows, scaled, sumToDistinct, takeRows, type Csr } from '../runtime/sparse.ts';
import type { SparseAttributes } from './sparse.ts';

/** Backends whose tensors are read and written on the host. */
const BACKENDS = ['cpu', 'wasm', 'tensorflow'] as const;

/** The parts of a backend that such a kernel uses. */
interface HostBackend {
  readSync(dataId: object): tf.BackendValues;
  write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object;
}

/** `y = A x + weight base`, in the order and the precision of assembly/sparse.ts; fresh values of 0 are left out. */
function multiply(
  { starts, columns, values }: Csr,
  x: Float32Array,
  width: number,
  base: Float32Array,
  weight: number,
  fresh: boolean,
): Float32Array {
  const y = new Float32Array((starts.length - 1) * width);
  const factor = Math.fround(weight);
  for (let r = 0; r < starts.length - 1; r++) {
    const own = y.subarray(r * width, (r + 1) * width);
    for (let e = starts[r]!; e < starts[r + 1]!; e++) {
      const [value, at] = [values[e]!, columns[e]! * width];
      if (fresh && value === 0) continue;
      // Two roundings, as in single precision: product, then sum.
      for (let j = 0; j < width; j++) own[j]! += Math.fround(value * x[at + j]!);
    }
    if (factor !== 0) for (let j = 0; j < width; j++) own[j]! += Math.fround(factor * base[r * width + j]!);
  }
  return y;
}

/** `Σ_k weights[k] A^k x`. */
function powers(
  csr: Csr,
  x: Float32Array,
  width: number,
  { weights, fresh }: Pick<SparseAttributes, 'weights' | 'fresh'>,
): Float32Array {
  let y = scaled(x, weights.at(-1)!);
  for (let k = weights.length - 2; k >= 0; k--) y = multiply(csr, y, width, x, weights[k]!, fresh);
  return y;
}

let registered = false;

/**
 * Registers the kernels of sparse products with the backends that have none: the same numbers, one thread, no haste.
 */
export function registerSparseElsewhere(): void {
  if (registered) return;
  registered = true;
  for (const backendName of BACKENDS) {
    const register = (
      kernelName: string,
      compute: (
        read: (name: string) => Float32Array | Int32Array | undefined,
        width: number,
        attributes: SparseAttributes,
      ) => Float32Array,
    ): void => {
      tf.registerKernel({
        kernelName,
        backendName,
        kernelFunc: ({ inputs, attrs, backend }) => {
          const host = backend as HostBackend;
          const named = inputs as Record<string, tf.TensorInfo | undefined>;
          const attributes = attrs as unknown as SparseAttributes;
          const width = named['x']!.shape[1]!;
          const read = (name: string) => {
            const info = named[name];
            return info && (host.readSync(info.dataId) as Float32Array | Int32Array);
          };
          const shape = [attributes.count, width];
          const dataId = host.write(compute(read, width, attributes), shape, 'float32');
          return { dataId, shape, dtype: 'float32' };
        },
      });
    };
    const csr = (read: (name: string) => unknown, names: readonly [string, string, string]): Csr => ({
      starts: read(names[0]) as Int32Array,
      columns: read(names[1]) as Int32Array,
      values: read(names[2]) as Float32Array,
    });
    register('SparsePolynomial', (read, width, attributes) => {
      const matrix = csr(read, ['starts', 'columns', 'values']);
      const rows = read('rows') as Int32Array | undefined;
      const all = powers(matrix, read('x') as Float32Array, width, attributes);
      if (!rows) return all === read('x') ? all.slice() : all;
      distinctRows(rows, matrix.starts.length - 1);
      const out = new Float32Array(rows.length * width);
      takeRows(all, rows, out, width);
      return out;
    });
    register('SparsePolynomialOfRows', (read, width, attributes) => {
      const rows = read('rows') as Int32Array;
      const { distinct, place } = distinctRows(rows, read('starts')!.length - 1);
      const compact = new Float32Array(distinct.length * width);
      sumToDistinct(read('x') as Float32Array, place, compact, width);
      const full = new Float32Array((read('starts')!.length - 1) * width);
      putRows(compact, distinct, full, width);
      return powers(csr(read, ['backStarts', 'backColumns', 'backValues']), full, width, attributes);
    });
  }
}
