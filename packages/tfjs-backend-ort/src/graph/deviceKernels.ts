import { FAN_IN, MASK_BITS, segmentLevels } from '../runtime/deviceKernels.ts';
import type { Graph } from './graph.ts';
import { binary, reduce, slice } from './math.ts';
import { sizeOf, type Value } from './types.ts';

/*
 * What host kernels do for graphs on the processor, for a device: the host sends bits and row numbers, and the rows
 * themselves stay where they are.
 */

/** A dropout mask from packed bits: the numbers of KeepMask. */
export function unpackedMask(
  g: Graph,
  key: Value,
  shape: readonly number[],
  { site, threshold }: { site: number; threshold: number },
): Value {
  const size = sizeOf(shape);
  const count = Math.ceil(size / MASK_BITS);
  const [words] = g.many('KeepBits', [key], [{ dtype: 'int32', shape: [count] }], {
    domain: 'host',
    attributes: { site, threshold, size },
  });
  const powers = Int32Array.from({ length: MASK_BITS }, (_, bit) => 2 ** bit);
  const two = g.splat('int32', [], 2);
  const shifted = binary(
    g,
    'Div',
    g.reshape(words!, [count, 1]),
    g.constant('int32', [1, MASK_BITS], powers),
  );
  const even = binary(g, 'Mul', binary(g, 'Div', shifted, two), two);
  const bits = g.cast(binary(g, 'Sub', shifted, even), 'float32');
  const scaled = binary(g, 'Mul', bits, g.splat('float32', [], 65536 / (65536 - threshold)));
  return g.reshape(slice(g, g.reshape(scaled, [count * MASK_BITS]), [0], [size]), shape);
}

/**
 * Sums of rows with equal ids, in a fixed order: by passes of at most {@link FAN_IN} rows a sum.
 *
 * @param rows - [n, ...]
 * @param ids - [n] int32; those outside [0, count) are dropped.
 * @param shape - [count, ...] of the sums.
 */
export function segmentSumByTree(g: Graph, rows: Value, ids: Value, shape: readonly number[]): Value {
  const [count, ...rest] = shape as [number, ...number[]];
  const n = ids.shape[0]!;
  const width = sizeOf(rest);
  const levels = segmentLevels(n, count);
  const tables = g.many(
    'SegmentTree',
    [ids],
    [...levels.map((sums) => [sums + 1, FAN_IN]), [count]].map((shape) => ({ dtype: 'int32', shape })),
    { domain: 'host', attributes: { count } },
  );
  const joined = (parts: Value[], length: number): Value =>
    parts.length === 1
      ? parts[0]!
      : g.op('Concat', parts, 'float32', [length, width], { attributes: { axis: 0 } });
  const taken = (from: Value, at: Value): Value =>
    g.op('Gather', [from, at], 'float32', [...at.shape, width], { attributes: { axis: 0 } });
  const zero = g.dense(g.splat('float32', [1, width], 0));
  let source = joined([g.reshape(rows, [n, width]), zero], n + 1);
  const sums = levels.map((_, k) => (source = reduce(g, 'ReduceSum', taken(source, tables[k]!), [1])));
  const all = joined(
    sums,
    levels.reduce((sum, size) => sum + size + 1, 0),
  );
  return g.reshape(taken(all, tables.at(-1)!), shape);
}
