import { tf } from '../tfjs.js';
import { slice } from '../graph/math.ts';
import { Graph } from '../graph/graph.ts';
import { sizeOf, type DType, type Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';
import { axesOf } from './reduction.ts';

defineKernel<{ dtype: DType }>('Cast', (g, { x }, { dtype }) => {
  if (!['float32', 'int32', 'bool'].includes(dtype)) throw new Error(`Cast: type ${dtype} is not supported`);
  return g.cast(x!, dtype);
});
defineKernel('OnesLike', (g, { x }) => g.splat(x!.dtype, x!.shape, 1));
defineKernel('ZerosLike', (g, { x }) => g.splat(x!.dtype, x!.shape, 0));
defineKernel<{ shape: number[]; value: number; dtype?: DType }>(
  'Fill',
  (g, _inputs, { shape, value, dtype }) => g.splat(dtype ?? 'float32', shape, value),
);
defineKernel<{ start: number; stop: number; step: number; dtype: DType }>('Range', (g, _inputs, a) => {
  const count = Math.max(0, Math.ceil((a.stop - a.start) / a.step));
  const data = a.dtype === 'int32' ? new Int32Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = a.start + i * a.step;
  return g.constant(a.dtype, [count], data);
});
defineKernel<{ start: number; stop: number; num: number }>('LinSpace', (g, _inputs, { start, stop, num }) => {
  const step = num > 1 ? (stop - start) / (num - 1) : 0;
  return g.constant(
    'float32',
    [num],
    Float32Array.from({ length: num }, (_, i) => start + i * step),
  );
});

defineKernel<{ perm: number[] }>('Transpose', (g, { x }, { perm }) => g.transpose(x!, perm));
defineKernel<{ shape: number[] }>('BroadcastTo', (g, { x }, { shape }) => g.expand(x!, shape));
defineKernel<{ reps: number[] }>('Tile', (g, { x }, { reps }) => {
  const shape = x!.shape.map((dim, i) => dim * reps[i]!);
  if (x!.shape.every((dim, i) => dim === 1 || reps[i] === 1)) return g.expand(x!, shape);
  return g.op('Tile', [x!, g.int64(reps)], x!.dtype, shape);
});

interface SliceAttributes {
  begin: number[];
  size: number[];
}
defineKernel<SliceAttributes>('Slice', (g, { x }, { begin, size }) => {
  const [start, length] = tf.slice_util.parseSliceParams(
    { shape: [...x!.shape] } as tf.TensorInfo,
    begin,
    size,
  );
  tf.slice_util.assertParamsValid({ shape: [...x!.shape] } as tf.TensorInfo, start!, length!);
  return slice(g, x!, start!, length!);
});
interface StridedSliceAttributes {
  begin: number[];
  end: number[];
  strides: number[];
  beginMask: number;
  endMask: number;
  ellipsisMask: number;
  newAxisMask: number;
  shrinkAxisMask: number;
}
defineKernel<StridedSliceAttributes>('StridedSlice', (g, { x }, a) => {
  const info = tf.slice_util.sliceInfo(
    [...x!.shape],
    a.begin,
    a.end,
    a.strides,
    a.beginMask,
    a.endMask,
    a.ellipsisMask,
    a.newAxisMask,
    a.shrinkAxisMask,
  );
  if (info.isIdentity) return g.reshape(x!, info.finalShape);
  const size = tf.slice_util.computeOutShape(info.begin, info.end, info.strides);
  if (info.sliceDim0 || info.isSimpleSlice) return g.reshape(slice(g, x!, info.begin, size), info.finalShape);
  return g.reshape(slice(g, x!, info.begin, size, info.strides), info.finalShape);
});
defineKernel<{ dims: number | number[] }>('Reverse', (g, { x }, { dims }) => {
  const axes = axesOf(x!, dims);
  if (x!.shape.length === 0) return x!;
  const begin = x!.shape.map((dim, i) => (axes.includes(i) ? Math.max(0, dim - 1) : 0));
  const strides = x!.shape.map((_, i) => (axes.includes(i) ? -1 : 1));
  return slice(g, x!, begin, x!.shape, strides);
});

interface PadAttributes {
  paddings: [number, number][];
  constantValue: number;
}
defineKernel<PadAttributes>('PadV2', (g, { x }, { paddings, constantValue }) => {
  const shape = x!.shape.map((dim, i) => dim + paddings[i]![0] + paddings[i]![1]);
  if (x!.shape.length === 0 || paddings.every(([before, after]) => before === 0 && after === 0)) return x!;
  if (sizeOf(x!.shape) === 0) return g.splat(x!.dtype, shape, constantValue);
  const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)];
  return g.op('Pad', [g.dense(x!), g.int64(pads), g.splat(x!.dtype, [], constantValue)], x!.dtype, shape, {
    broadcasts: true,
  });
});
defineKernel<{ paddings: [number, number][]; mode: 'reflect' | 'symmetric' }>(
  'MirrorPad',
  (g, { x }, { paddings, mode }) => {
    const axis = paddings.findIndex(([before, after]) => before > 0 || after > 0);
    if (axis < 0) return x!;
    const all: Value = paddings.reduce<Value>((value, [before, after], i) => {
      if (before === 0 && after === 0) return value;
      const dim = value.shape[i]!;
      const offset = mode === 'reflect' ? 1 : 0;
      const index = Int32Array.from({ length: before + dim + after }, (_, j) => {
        const at = j - before;
        if (at < 0) return -at - 1 + offset;
        return at < dim ? at : 2 * dim - 1 - at - offset;
      });
      const shape = value.shape.map((d, k) => (k === i ? index.length : d));
      return g.op('Gather', [value, g.constant('int32', [index.length], index)], value.dtype, shape, {
        attributes: { axis: i },
      });
    }, x!);
    return all;
  },
);

defineKernel<{ axis: number }>('Concat', (g, inputs, { axis }) => concat(g, Object.values(inputs), axis));
defineKernel<{ axis: number }>('Pack', (g, inputs, { axis }) => {
  const values = Object.values(inputs);
  const at = axis < 0 ? axis + values[0]!.shape.length + 1 : axis;
  return concat(
    g,
    values.map((v) => g.reshape(v, [...v.shape.slice(0, at), 1, ...v.shape.slice(at)])),
    at,
  );
});
defineKernel<{ axis: number }>('Unpack', (g, { value }, { axis }) => {
  const at = axis < 0 ? axis + value!.shape.length : axis;
  const rest = value!.shape.filter((_, i) => i !== at);
  return Array.from({ length: value!.shape[at]! }, (_, i) => {
    const begin = value!.shape.map((_, j) => (j === at ? i : 0));
    const size = value!.shape.map((dim, j) => (j === at ? 1 : dim));
    return g.reshape(slice(g, value!, begin, size), rest);
  });
});
defineKernel<{ numOrSizeSplits: number | number[]; axis: number }>(
  'SplitV',
  (g, { x }, { numOrSizeSplits, axis }) => {
    const at = axis < 0 ? axis + x!.shape.length : axis;
    let from = 0;
    return splitSizes(x!.shape[at]!, numOrSizeSplits).map((length) => {
      const begin = x!.shape.map((_, j) => (j === at ? from : 0));
      from += length;
      return slice(
        g,
        x!,
        begin,
        x!.shape.map((dim, j) => (j === at ? length : dim)),
      );
    });
  },
);

/** Lengths of the pieces; at most one may be -1, for what the others leave. */
function splitSizes(total: number, asked: number | readonly number[]): number[] {
  if (typeof asked === 'number') {
    if (total % asked !== 0)
      throw new Error(`SplitV: an axis of length ${total} has no ${asked} equal parts`);
    return Array.from({ length: asked }, () => total / asked);
  }
  const rest = total - asked.reduce((sum, size) => sum + Math.max(0, size), 0);
  return asked.map((size) => (size < 0 ? rest : size));
}

/** Joins along an axis; empty pieces are left out. */
function concat(g: Graph, values: Value[], axis: number): Value {
  const at = axis < 0 ? axis + values[0]!.shape.length : axis;
  const length = values.reduce((sum, v) => sum + v.shape[at]!, 0);
  const shape = values[0]!.shape.map((dim, i) => (i === at ? length : dim));
  const pieces = values.filter((v) => sizeOf(v.shape) > 0);
  if (pieces.length === 0) return g.splat(values[0]!.dtype, shape, 0);
  if (pieces.length === 1) return pieces[0]!;
  const element = Graph.element(pieces[0]!);
  if (element !== undefined && pieces.every((v) => Graph.element(v) === element))
    return g.splat(values[0]!.dtype, shape, element);
  return g.op('Concat', pieces, values[0]!.dtype, shape, { attributes: { axis: at } });
}
