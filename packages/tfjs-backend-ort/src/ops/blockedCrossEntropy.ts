import { tf } from '../tfjs.js';
import { OrtBackend } from '../backend.ts';
import { after, orderToken } from './after.ts';
import { columnBlocks, type ColumnBlock } from './blocks.ts';
import { customGradient, gradientsWithin } from './customGradient.ts';
import { gatherFor } from './indices.ts';
import { rowMaxima } from './rowMaxima.ts';

/**
 * What the logits of a block of classes are made of: rows `start .. start + size` of every table, and the rest whole.
 */
export interface BlockInputs {
  /** [size, ...] of each table. */
  tables: tf.Tensor[];
  /** [size, ...] of each constant. */
  constants: tf.Tensor[];
  /** As given. */
  shared: tf.Tensor[];
  /**
   * The same tensor, marked as dear to make: a product. Where those of all blocks together are no more than `keptBytes`,
   * the backward pass of a compiled step reads it again instead of making it again. To be called for the same tensors
   * in the same order each time.
   */
  keep: <T extends tf.Tensor>(x: T) => T;
}

/** What {@link blockedCrossEntropy} is made of. */
export interface BlockedCrossEntropyInputs {
  /** [C, ...] each: what the logits are made of by rows, with a gradient. */
  tables: readonly tf.Tensor[];
  /** int32 [B], rows of the tables from `first` on; a negative one makes its row count nothing: loss 0, gradient 0. */
  labels: tf.Tensor;
  /**
   * Logits of a block, [B, size], from the queries and the block's rows; a pure function, differentiated once a block.
   * Column c may depend on row c of the tables alone. Default: the product of the queries with the rows of the only
   * table.
   */
  logits?: (queries: tf.Tensor2D, inputs: BlockInputs) => tf.Tensor2D;
  /** [C, ...] each: what `logits` reads by rows besides, without a gradient. */
  constants?: readonly tf.Tensor[];
  /** Tensors that `logits` reads whole, with a gradient: factors, weights. */
  shared?: readonly tf.Tensor[];
  /** First row that is a class; those before it, such as a padding row, have no gradient. Default 0. */
  first?: number;
  /** [C], bool or float: 0 where a row is no class. Default: all are. */
  valid?: tf.Tensor;
  /** ε, the share of the label spread evenly over all classes. Default 0. */
  labelSmoothing?: number;
  /** Classes of a block. Default: blocks of about 2 MiB, at most 64 of them. */
  width?: number;
  /** What the forward pass may keep of all blocks together, see {@link BlockInputs}. Default: 320 MiB. */
  keptBytes?: number;
}

/**
 * Softmax cross-entropy over many classes whose logits are never whole (fused linear cross-entropy): per row
 * `log Σ_c exp(l_c) - (1 - ε) l_label - ε mean_c l_c`, exact. The forward pass makes the logits in blocks of columns
 * and keeps one number a row, the logarithm of the sum; the backward pass makes each block again and differentiates it
 * at once. Memory is O(B width + C D) instead of O(B C), for one more product of the forward kind; up to a bound the
 * products are kept and only what is made of them is made again ({@link BlockInputs}).
 *
 * Blocks are computed one after the other in one order, so the result has the same bits at every run; it differs from
 * that of {@link softmaxCrossEntropy} by rounding alone.
 *
 * @param queries - [B, D]
 * @param given - The classes' rows, the labels, how logits are made of them.
 * @returns [B]
 * @throws RangeError naming a label that is not negative and not in [first, C), when it runs.
 */
export function blockedCrossEntropy(queries: tf.Tensor2D, given: BlockedCrossEntropyInputs): tf.Tensor1D {
  const loss = checked(queries, given);
  const { tables, labels, shared = [], constants = [], valid } = given;
  const flags = valid ? [tf.cast(valid, 'float32')] : [];
  return customGradient([queries, ...tables, ...shared], (inputs, save) => {
    const wanted = checkedLabels(loss, labels);
    const kept: tf.Tensor[][] = [];
    const { value, logTotal } = forward(loss, loss.unpack([...inputs, wanted, ...flags, ...constants]), kept);
    // What is made inside the differentiated function would be gone by the time the gradient reads it.
    save([logTotal, ...kept.flat(), ...inputs, wanted, ...flags, ...constants]);
    return {
      value,
      gradient: (dy, [logTotals, ...saved]) => {
        const products = kept.map((own) => saved.splice(0, own.length));
        return backward(loss, loss.unpack(saved), dy, logTotals as tf.Tensor2D, products);
      },
    };
  }) as tf.Tensor1D;
}

/** The tensors of a loss. */
interface Tensors {
  queries: tf.Tensor2D;
  tables: tf.Tensor[];
  shared: tf.Tensor[];
  labels: tf.Tensor;
  /** [C], 1 where a row is a class. */
  flags: tf.Tensor | undefined;
  constants: tf.Tensor[];
}

/** What follows from the shapes, and the numbers. */
interface Loss {
  B: number;
  /** C */
  count: number;
  blocks: ColumnBlock[];
  first: number;
  smoothing: number;
  keptBytes: number;
  logits: NonNullable<BlockedCrossEntropyInputs['logits']>;
  unpack(tensors: readonly tf.Tensor[]): Tensors;
}

function checked(queries: tf.Tensor2D, given: BlockedCrossEntropyInputs): Loss {
  const { tables, labels, constants = [], shared = [], first = 0, valid, labelSmoothing = 0, width } = given;
  const rule = (holds: boolean, text: string): void => {
    if (!holds) throw new Error(`blockedCrossEntropy: ${text}`);
  };
  const [B] = queries.shape;
  const count = (tables[0] ?? constants[0])?.shape[0] ?? 0;
  rule(queries.rank === 2, `queries must be [B, D], got [${queries.shape.join(', ')}]`);
  rule(count > 0, 'there must be a table with rows, got none');
  rule(
    labels.rank === 1 && labels.shape[0] === B && labels.dtype === 'int32',
    `labels must be int32 [${B}], got ${labels.dtype} [${labels.shape.join(', ')}]`,
  );
  for (const { shape } of [...tables, ...constants, ...(valid ? [valid] : [])])
    rule(shape[0] === count, `all tables must have as many rows, got ${String(shape[0])} and ${count}`);
  rule(valid === undefined || valid.rank === 1, `valid must be [C], got [${valid?.shape.join(', ') ?? ''}]`);
  rule(
    Number.isInteger(first) && first >= 0 && first < count,
    `first must be in 0..${count - 1}, got ${first}`,
  );
  rule(labelSmoothing >= 0 && labelSmoothing < 1, `labelSmoothing must be in [0, 1), got ${labelSmoothing}`);
  rule(
    given.logits !== undefined || (tables.length === 1 && tables[0]!.rank === 2),
    'logits must be given unless there is one table [C, D]',
  );
  return {
    B,
    count,
    blocks: columnBlocks(B, count - first, width).map(({ start, size }) => ({ start: start + first, size })),
    first,
    smoothing: labelSmoothing,
    keptBytes: given.keptBytes ?? KEPT_BYTES,
    logits:
      given.logits ??
      ((rows, { tables: [own], keep }) => keep(tf.matMul(rows, own as tf.Tensor2D, false, true))),
    unpack: (tensors) => {
      const rest = [...tensors];
      return {
        queries: rest.shift() as tf.Tensor2D,
        tables: rest.splice(0, tables.length),
        shared: rest.splice(0, shared.length),
        labels: rest.shift()!,
        flags: valid ? rest.shift() : undefined,
        constants: rest,
      };
    },
  };
}

/** The labels as they are; one that is neither negative nor a class makes the run fail. */
function checkedLabels({ first, count }: Loss, labels: tf.Tensor): tf.Tensor {
  const counts = tf.greaterEqual(labels, tf.scalar(0, 'int32'));
  const start = tf.scalar(first, 'int32');
  const of = first === 0 ? 'blockedCrossEntropy' : `blockedCrossEntropy, labels counted from row ${first}`;
  const fromFirst = tf.sub(tf.where(counts, labels, tf.fill(labels.shape, first, 'int32')), start);
  return tf.where(counts, gatherFor(of, tf.range(first, count, 1, 'int32'), fromFirst), labels);
}

/** One divided by the number of classes. */
function shareOf({ first, count }: Loss, { flags }: Tensors): tf.Tensor | number {
  return flags ? tf.div(1, tf.sum(tf.slice(flags, [first], [count - first]))) : 1 / (count - first);
}

/** Of the products of all blocks; measured, see docs/engine.md. */
const KEPT_BYTES = 320 * 2 ** 20;

/** Logits of a block where rows are classes, a large negative number elsewhere. */
const EXCLUDED = -1e30;

/**
 * Rows of a block. In the backward pass they are gathered, not before the token: a slice would be kept from the forward
 * pass.
 */
function rowsOf(table: tf.Tensor, { start, size }: ColumnBlock, token: tf.Tensor1D | undefined): tf.Tensor {
  if (!token)
    return tf.slice(table, [start, ...table.shape.slice(1).map(() => 0)], [size, ...table.shape.slice(1)]);
  return tf.gather(table, after(tf.range(start, start + size, 1, 'int32'), token));
}

/** [B, size], true at each row's label if the block holds it. */
function labelled(labels: tf.Tensor, { start, size }: ColumnBlock): tf.Tensor2D {
  const columns = tf.reshape(tf.range(start, start + size, 1, 'int32'), [1, size]);
  return tf.equal(columns, tf.reshape(labels, [-1, 1]));
}

/**
 * Whether the products of all blocks are kept, from those of the first. All or none: larger catalogues take the memory for
 * their tables. Where each operation runs at once none are, for the backward pass would make them again all the same.
 */
function keepsAll({ blocks, keptBytes }: Loss, products: readonly tf.Tensor[]): boolean {
  const backend = tf.backend();
  const bytes = products.reduce((sum, { size }) => sum + 4 * size, 0);
  return backend instanceof OrtBackend && backend.trace !== undefined && bytes * blocks.length <= keptBytes;
}

/** A tensor whose value is another's, made before, and whose gradient is its own. */
function standingFor<T extends tf.Tensor>(x: T, value: tf.Tensor): T {
  return customGradient([x], () => ({ value, gradient: (dy) => [dy] })) as T;
}

/**
 * @param kept - Filled with the products of each block, where they are kept.
 */
function forward(
  loss: Loss,
  given: Tensors,
  kept: tf.Tensor[][],
): { value: tf.Tensor; logTotal: tf.Tensor2D } {
  const { B, blocks, smoothing } = loss;
  const { labels } = given;
  const totals: tf.Tensor[] = [];
  let picked: tf.Tensor = tf.zeros([B]);
  let sum: tf.Tensor | undefined;
  let token: tf.Tensor1D | undefined;
  let keeping: boolean | undefined;
  for (const block of blocks) {
    const { start, size } = block;
    const products: tf.Tensor[] = [];
    const queries = after(given.queries, token);
    const flags = given.flags && tf.reshape(rowsOf(given.flags, block, undefined), [1, size]);
    const made = loss.logits(queries, {
      tables: given.tables.map((table) => rowsOf(table, block, undefined)),
      constants: given.constants.map((table) => rowsOf(table, block, undefined)),
      shared: given.shared.map((x) => after(x, token)),
      keep: (x) => {
        products.push(x);
        return x;
      },
    });
    keeping ??= keepsAll(loss, products);
    if (keeping) kept.push(products);
    const logits = flags ? tf.where(tf.cast(flags, 'bool'), made, tf.fill([B, size], EXCLUDED)) : made;
    const peak = tf.maximum(rowMaxima(logits), EXCLUDED);
    const total = tf.add(tf.log(tf.sum(tf.exp(tf.sub(logits, peak)), 1, true)), peak); // [B, 1]
    totals.push(total);
    const inside = tf.logicalAnd(
      tf.greaterEqual(labels, tf.scalar(start, 'int32')),
      tf.less(labels, tf.scalar(start + size, 'int32')),
    );
    const column = tf.where(inside, tf.sub(labels, tf.scalar(start, 'int32')), tf.zerosLike(labels));
    const at = tf.add(column, tf.range(0, B * size, size, 'int32'));
    picked = tf.add(
      picked,
      tf.where(inside, tf.gather(tf.reshape(logits, [-1]), at as tf.Tensor1D), tf.zeros([B])),
    );
    if (smoothing > 0) {
      const part = tf.sum(flags ? tf.where(tf.cast(flags, 'bool'), made, tf.zerosLike(made)) : made, 1);
      sum = sum ? tf.add(sum, part) : part;
    }
    token = orderToken(sum ? [total, picked, sum] : [total, picked]);
  }
  const all = blocks.length === 1 ? totals[0]! : tf.concat(totals, 1); // [B, blocks]
  const logTotal = tf.logSumExp<tf.Tensor2D>(all, 1, true);
  const target =
    smoothing === 0 || !sum
      ? picked
      : tf.add(tf.mul(picked, 1 - smoothing), tf.mul(tf.mul(sum, shareOf(loss, given)), smoothing));
  const value = tf.sub(tf.reshape(logTotal, [B]), target);
  return { value: tf.where(tf.greaterEqual(labels, tf.scalar(0, 'int32')), value, tf.zeros([B])), logTotal };
}

function backward(
  loss: Loss,
  given: Tensors,
  dy: tf.Tensor,
  logTotal: tf.Tensor2D,
  kept: readonly (readonly tf.Tensor[])[],
): tf.Tensor[] {
  const { B, blocks, first, smoothing } = loss;
  const { labels } = given;
  const share = smoothing > 0 ? shareOf(loss, given) : 0;
  const counts = tf.greaterEqual(labels, tf.scalar(0, 'int32'));
  const weights = tf.reshape(tf.where(counts, dy, tf.zeros([B])), [B, 1]);
  const pieces: tf.Tensor[][] = given.tables.map((table) =>
    first > 0 ? [tf.zeros([first, ...table.shape.slice(1)])] : [],
  );
  let whole: tf.Tensor[] | undefined;
  let token = orderToken([weights, logTotal]);
  for (const [number, block] of blocks.entries()) {
    const { size } = block;
    const products = [...(kept[number] ?? [])];
    const flags = given.flags && tf.reshape(rowsOf(given.flags, block, token), [1, size]);
    const constants = given.constants.map((table) => rowsOf(table, block, token));
    /** d loss / d logits, [B, size]. */
    const slope = (logits: tf.Tensor): tf.Tensor => {
      const probabilities = tf.exp(tf.sub(logits, logTotal));
      const onehot = tf.cast(labelled(labels, block), 'float32');
      const wanted =
        smoothing === 0 ? onehot : tf.add(tf.mul(onehot, 1 - smoothing), tf.mul(smoothing, share));
      const difference = tf.mul(tf.sub(probabilities, wanted), weights);
      return flags ? tf.where(tf.cast(flags, 'bool'), difference, tf.zerosLike(difference)) : difference;
    };
    const rows = given.tables.map((table) => rowsOf(table, block, token));
    // A stand-in for the loss whose gradient is the slope, so that the logits are made once for both.
    const standIn = (queries: tf.Tensor, ...others: tf.Tensor[]): tf.Tensor => {
      const tables = others.slice(0, rows.length);
      const shared = others.slice(rows.length);
      const keep = <T extends tf.Tensor>(x: T): T => {
        const product = products.shift();
        return product ? standingFor(x, after(product, token)) : x;
      };
      const made = loss.logits(queries as tf.Tensor2D, { tables, constants, shared, keep });
      return customGradient([made], ([logits], save) => {
        save([logits!]);
        return { value: tf.zeros([]), gradient: (_, [kept]) => [slope(kept!)] };
      });
    };
    const [query, ...rest] = gradientsWithin(standIn, [
      after(given.queries, token),
      ...rows,
      ...given.shared,
    ]) as [tf.Tensor, ...tf.Tensor[]];
    rest.slice(0, rows.length).forEach((piece, i) => pieces[i]!.push(piece));
    const summed = [query, ...rest.slice(rows.length)];
    whole = whole ? whole.map((sum, i) => tf.add(sum, summed[i]!)) : summed;
    token = orderToken([...whole, ...rest.slice(0, rows.length)]);
  }
  const [query, ...shared] = whole!;
  return [
    query!,
    ...pieces.map((parts) => (parts.length === 1 ? parts[0]! : tf.concat(parts, 0))),
    ...shared,
  ];
}
