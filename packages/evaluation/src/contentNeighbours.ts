import type { Batch } from '@ferry/data';
import { compile, tf } from '@ferry/engine';

/** A feature of all items; the parts of a feature matrix that {@link contentNeighbours} needs. */
export interface ItemFeature {
  /** F: width. */
  width: number;
  /** Row i belongs to item number i+1; [N*F]. */
  data: Float32Array;
  /** 1 where the item has it; [N]. */
  present: ArrayLike<number>;
}

/** Vectors of length 1, each once, and which of them is whose. Letters: V distinct vectors. */
interface Vectors {
  readonly width: number;
  /** [V * F]; the first is 0, for items without the feature. */
  readonly data: Float32Array;
  /** Row of `data` of each item, entry 0 for padding; [N + 1]. */
  readonly of: Int32Array;
}

/** Equal items share a row, so that they score equally however a product is computed. */
function unitVectors({ width, data, present }: ItemFeature, count: number): Vectors {
  if (data.length !== count * width || present.length !== count)
    throw new RangeError(
      `contentNeighbours: a feature must have N=${count} rows of ${width} values, got ${data.length} values`,
    );
  const rows: Float32Array[] = [new Float32Array(width)];
  const known = new Map<string, number>();
  const of = new Int32Array(count + 1);
  for (let i = 0; i < count; i++) {
    const row = data.subarray(i * width, (i + 1) * width);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    if (!(present[i]! > 0 && norm > 0)) continue;
    const unit = row.map((value) => value / norm);
    const key = Buffer.from(unit.buffer).toString('latin1');
    const at = known.get(key) ?? rows.length;
    if (at === rows.length) {
      rows.push(unit);
      known.set(key, at);
    }
    of[i + 1] = at;
  }
  const all = new Float32Array(rows.length * width);
  for (const [r, row] of rows.entries()) all.set(row, r * width);
  return { width, data: all, of };
}

/** How {@link contentNeighbours} scores. */
export interface ContentNeighbours {
  /** Scores of a batch, as an evaluation takes them; [B * (N + 1)]. */
  scores: (batch: Batch) => Promise<Float32Array>;
  /** Frees what it holds. */
  dispose: () => void;
}

/**
 * Content baseline without training: scores items by the cosine of their feature with that of the history's last item,
 * or by the sum of the cosines with all items of the history, summed over the features given. An item is not a
 * neighbour of itself: the last item comes last, and items of the history are scored by the others. Where one of two
 * items lacks a feature, their cosine counts as 0.
 *
 * @param count - N.
 * @param of - Whose neighbours: the `last` item's, or those of the whole `history`.
 */
export function contentNeighbours(
  features: readonly ItemFeature[],
  count: number,
  of: 'last' | 'history',
): ContentNeighbours {
  const vectors = features.map((feature) => unitVectors(feature, count));
  const tables = vectors.map(({ data, width }) => tf.tensor2d(data, [data.length / width, width]));
  const products = compile(
    (queries: tf.Tensor2D, table: tf.Tensor2D) => tf.matMul(queries, table, false, true),
    { name: 'contentNeighbours' },
  );
  const queriesOf = ({ history, lengths, length, size }: Batch, { width, data, of: rowOf }: Vectors) => {
    const queries = new Float32Array(size * width);
    for (let b = 0; b < size; b++) {
      const query = queries.subarray(b * width, (b + 1) * width);
      for (let l = of === 'last' ? lengths[b]! - 1 : 0; l < lengths[b]!; l++) {
        const row = rowOf[history[b * length + l]!]! * width;
        for (let f = 0; f < width; f++) query[f]! += data[row + f]!;
      }
    }
    return tf.tensor2d(queries, [size, width]);
  };
  return {
    scores: async (batch) => {
      const { history, lengths, length, size } = batch;
      const scores = new Float32Array(size * (count + 1));
      for (const [m, own] of vectors.entries()) {
        const queries = queriesOf(batch, own);
        const product = products(queries, tables[m]!);
        const found = (await product.data()) as Float32Array;
        tf.dispose([queries, product]);
        const distinct = own.data.length / own.width;
        for (let b = 0; b < size; b++) {
          const row = scores.subarray(b * (count + 1), (b + 1) * (count + 1));
          for (let item = 1; item <= count; item++) row[item]! += found[b * distinct + own.of[item]!]!;
          if (of === 'history')
            for (let l = 0; l < lengths[b]!; l++) {
              const item = history[b * length + l]!;
              if (own.of[item]! > 0) row[item]! -= 1;
            }
        }
      }
      if (of === 'last')
        for (let b = 0; b < size; b++)
          scores[b * (count + 1) + history[b * length + lengths[b]! - 1]!] = -Infinity;
      return scores;
    },
    dispose: () => {
      products.dispose();
      tf.dispose(tables);
    },
  };
}
