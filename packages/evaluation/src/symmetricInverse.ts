import { compile, tf } from '@ferry/engine';

/** Some rows of the lower half of a symmetric matrix. */
export interface Panel {
  /** [b * width], row after row. */
  data: Float32Array;
  /** Columns: up to the end of the panel's own diagonal block. */
  readonly width: number;
}

/**
 * The lower half of a symmetric matrix in panels of some rows: panel r holds the rows r * block .. (r + 1) * block,
 * from column 0 to the end of its own diagonal block. Rows after the last are those of a unit matrix. Letters: N rows,
 * b rows of a panel.
 */
export interface Panels {
  /** N. */
  readonly count: number;
  /** b. */
  readonly block: number;
  /** The panels; [b * width] each. */
  readonly rows: readonly Panel[];
}

/** Panels of zeros, with ones on the diagonal after row N. */
export function panelsOf(count: number, block: number): Panels {
  const rows = Array.from({ length: Math.ceil(count / block) }, (_, r) => {
    const width = (r + 1) * block;
    return { data: new Float32Array(block * width), width };
  });
  const last = rows.at(-1);
  if (last) for (let i = count; i < rows.length * block; i++) last.data[(i % block) * last.width + i] = 1;
  return { count, block, rows };
}

/** Inverse of a positive definite matrix, in double precision by sweeping one row after the other; [b * b]. */
function invertSmall(matrix: Float32Array, b: number): Float32Array {
  const a = Float64Array.from(matrix);
  const pivotRow = new Float64Array(b);
  for (let p = 0; p < b; p++) {
    for (let j = 0; j < b; j++) pivotRow[j] = j <= p ? a[p * b + j]! : a[j * b + p]!;
    const pivot = pivotRow[p]!;
    if (!(pivot > 0))
      throw new RangeError(`invert: the matrix must be positive definite, got a pivot of ${pivot}`);
    for (let i = 0; i < b; i++) {
      if (i === p) continue;
      const factor = pivotRow[i]! / pivot;
      const row = a.subarray(i * b, i * b + i + 1);
      for (let j = 0; j <= i; j++) row[j]! -= factor * pivotRow[j]!;
      if (i > p) row[p] = factor;
      else a[p * b + i] = factor;
    }
    a[p * b + p] = -1 / pivot;
  }
  const inverse = new Float32Array(b * b);
  for (let i = 0; i < b; i++)
    for (let j = 0; j <= i; j++) {
      inverse[i * b + j] = -a[i * b + j]!;
      inverse[j * b + i] = -a[i * b + j]!;
    }
  return inverse;
}

/** Row k of blocks, all columns; [b * n], n being the rows of all panels. */
function blockRow({ block: b, rows }: Panels, k: number): Float32Array {
  const n = rows.length * b;
  const found = new Float32Array(b * n);
  const own = rows[k]!;
  for (let i = 0; i < b; i++) {
    found.set(own.data.subarray(i * own.width, (i + 1) * own.width), i * n);
    // The diagonal block's upper half mirrors its lower one.
    for (let j = 0; j < i; j++) found[j * n + k * b + i] = found[i * n + k * b + j]!;
  }
  for (let r = k + 1; r < rows.length; r++) {
    const { data, width } = rows[r]!;
    for (let i = 0; i < b; i++)
      for (let j = 0; j < b; j++) found[j * n + r * b + i] = data[i * width + k * b + j]!;
  }
  return found;
}

const readFloats = async (tensor: tf.Tensor): Promise<Float32Array> => {
  const data = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return data;
};

/**
 * Inverts a symmetric positive definite matrix in place: its blocks are swept one after the other (Beaton's sweep
 * operator in blocks, N³ operations in all, as many as a Cholesky factorisation and the inverse from it). Diagonal
 * blocks are inverted in double precision, all products are the backend's.
 *
 * @throws RangeError if a pivot is not positive.
 */
export async function invertPanels(panels: Panels): Promise<void> {
  const { block: b, rows } = panels;
  const n = rows.length * b;
  const factors = compile((row: tf.Tensor2D, inverse: tf.Tensor2D) => tf.matMul(row, inverse, true), {
    name: 'invert.factors',
  });
  const update = compile(
    (panel: tf.Tensor2D, factor: tf.Tensor2D, row: tf.Tensor2D) =>
      tf.sub(panel, tf.matMul(factor, tf.slice(row, [0, 0], [b, panel.shape[1]]))),
    { name: 'invert.update' },
  );
  try {
    for (const [k, own] of rows.entries()) {
      const row = blockRow(panels, k);
      const pivot = new Float32Array(b * b);
      for (let i = 0; i < b; i++) pivot.set(row.subarray(i * n + k * b, i * n + (k + 1) * b), i * b);
      const inverse = invertSmall(pivot, b);
      const rowTensor = tf.tensor2d(row, [b, n]);
      const inverseTensor = tf.tensor2d(inverse, [b, b]);
      // [n, b]: what each row of each panel takes of the pivot's rows.
      const factor = await readFloats(factors(rowTensor, inverseTensor));
      inverseTensor.dispose();
      for (const [r, panel] of rows.entries()) {
        const part = factor.subarray(r * b * b, (r + 1) * b * b);
        if (r !== k) {
          const inputs = [tf.tensor2d(panel.data, [b, panel.width]), tf.tensor2d(part, [b, b])] as const;
          panel.data = await readFloats(update(...inputs, rowTensor));
          tf.dispose([...inputs]);
        }
        if (r > k)
          for (let i = 0; i < b; i++)
            panel.data.set(part.subarray(i * b, (i + 1) * b), i * panel.width + k * b);
        if (r < k)
          for (let i = 0; i < b; i++)
            for (let j = 0; j < b; j++) own.data[j * own.width + r * b + i] = part[i * b + j]!;
      }
      rowTensor.dispose();
      for (let i = 0; i < b; i++)
        for (let j = 0; j < b; j++) own.data[i * own.width + k * b + j] = -inverse[i * b + j]!;
    }
  } finally {
    factors.dispose();
    update.dispose();
  }
  for (const { data } of rows) for (let i = 0; i < data.length; i++) data[i] = -data[i]!;
}
