import { binary, reduce } from '../graph/math.ts';
import type { Graph } from '../graph/graph.ts';
import { allocate, sizeOf, type Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';
import { gatherRows } from './indices.ts';

/*
 * Tables of frozen weights in 8 or 16 bits a number (src/ops/int8Table.ts, src/ops/halfTable.ts). tfjs has no such types:
 * what it holds are words of int32, and what ONNX Runtime reads are their bytes.
 */

/** Adds nothing to a number, but a NaN if there is one in x, which ONNX Runtime's least and largest element pass over. */
function keepingNaN(g: Graph, x: Value, number: Value): Value {
  const sum = reduce(
    g,
    'ReduceSum',
    x,
    x.shape.map((_, axis) => axis),
  );
  return binary(g, 'Add', number, binary(g, 'Mul', sum, g.splat('float32', [], 0)));
}

// Of `linear` with an Int8Table: x [R, I], table [I, O], scale and bias [O].
defineKernel<{ signed: boolean }>('QuantisedLinear', (g, { x, table, scale, bias }, { signed }) => {
  const [rows, inner] = x!.shape as [number, number];
  const shape = [rows, scale!.shape[0]!];
  if (sizeOf(shape) === 0) return g.constant('float32', shape, allocate('float32', 0));
  const type = signed ? 'int8' : 'uint8';
  const [numbers, factor, zero] = g.many(
    'DynamicQuantizeLinear',
    [x],
    [
      { dtype: 'uint8', shape: [rows, inner] },
      { dtype: 'float32', shape: [] },
      { dtype: 'uint8', shape: [] },
    ],
  ) as [Value, Value, Value];
  const weights = g.bytes(table!, type, [inner, shape[1]!]);
  const scales = [keepingNaN(g, x!, factor), scale!];
  const zeros = [zero, g.splat(type, [], signed ? 0 : 128)];
  return g.op('MatMulIntegerToFloat', [numbers, weights, ...scales, ...zeros, bias], 'float32', shape, {
    domain: 'com.microsoft',
  });
});

// Of `linear` with a HalfTable.
defineKernel<{ shape: number[] }>('HalvesAsFloats', (g, { table }, { shape }) =>
  g.cast(g.bytes(table!, 'float16', shape), 'float32'),
);

// Of `embedding` with a HalfTable: rows by ids [n].
defineKernel<{ shape: number[]; of?: string }>('RowsOfHalves', (g, { table, ids }, { shape, of: origin }) => {
  if (origin !== undefined) g.origin = origin;
  const rows = gatherRows(g, g.bytes(table!, 'float16', shape), ids!, 0, [ids!.shape[0]!, shape[1]!]);
  return g.cast(rows, 'float32');
});
