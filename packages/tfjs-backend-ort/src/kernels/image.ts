import { tf } from '../tfjs.js';
import { binary, matmul, slice } from '../graph/math.ts';
import { Graph } from '../graph/graph.ts';
import { sizeOf, type Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';

interface ResizeAttributes {
  alignCorners: boolean;
  halfPixelCenters: boolean;
  size: [number, number];
}

/** Where each position of a resized axis lies in the original one. */
function sources(from: number, to: number, { alignCorners, halfPixelCenters }: ResizeAttributes): number[] {
  const aligned = alignCorners && to > 1;
  const ratio = (aligned ? from - 1 : from) / (aligned ? to - 1 : to);
  return Array.from({ length: to }, (_, i) => (halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i));
}

/** The two neighbours of each position of a resized axis, and how far it lies from the first to the second. */
function neighbours(from: number, to: number, a: ResizeAttributes) {
  const at = sources(from, to, a);
  const low = at.map((s) => Math.max(0, Math.floor(s)));
  const high = at.map((s) => Math.min(from - 1, Math.ceil(s)));
  return { low, high, fraction: at.map((s, i) => s - low[i]!) };
}

/** The nearest original position of each position of a resized axis, as tfjs rounds it. */
function nearest(from: number, to: number, a: ResizeAttributes): number[] {
  const shift = a.halfPixelCenters ? 0.5 : 0;
  return sources(from, to, a).map((s) => {
    const rounded = a.alignCorners ? Math.round(s + shift) : Math.floor(s + shift);
    return Math.max(0, Math.min(from - 1, rounded));
  });
}

/** Rows or columns of an image by their positions. */
function pick(g: Graph, x: Value, axis: number, positions: readonly number[]): Value {
  if (positions.length === x.shape[axis] && positions.every((p, i) => p === i)) return x;
  const shape = x.shape.map((dim, i) => (i === axis ? positions.length : dim));
  const ids = g.constant('int32', [positions.length], Int32Array.from(positions));
  return g.op('Gather', [x, ids], x.dtype, shape, { attributes: { axis } });
}

defineKernel<ResizeAttributes>('ResizeBilinear', (g, { images }, a) => {
  const [B, H, W, C] = images!.shape as [number, number, number, number];
  if (sizeOf(images!.shape) === 0) return g.splat('float32', [B, ...a.size, C], 0);
  const x = g.cast(images!, 'float32');
  return [2, 1].reduce((value, axis) => {
    const { low, high, fraction } = neighbours(axis === 1 ? H : W, a.size[axis - 1]!, a);
    const first = pick(g, value, axis, low);
    if (fraction.every((f) => f === 0)) return first;
    const difference = binary(g, 'Sub', pick(g, value, axis, high), first);
    const weights = g.constant(
      'float32',
      axis === 1 ? [fraction.length, 1, 1] : [fraction.length, 1],
      Float32Array.from(fraction),
    );
    return binary(g, 'Add', first, binary(g, 'Mul', difference, weights));
  }, x);
});

defineKernel<ResizeAttributes>('ResizeNearestNeighbor', (g, { images }, a) => {
  const [, H, W] = images!.shape as [number, number, number, number];
  const rows = pick(g, images!, 1, nearest(H, a.size[0], a));
  return pick(g, rows, 2, nearest(W, a.size[1], a));
});

/** Weights of the original positions (rows) in the resized ones (columns), transposed: [from, to]. */
type Weights = (from: number, to: number, a: ResizeAttributes) => Float32Array;

const WEIGHTS: Record<string, Weights> = {
  ResizeBilinearGrad: (from, to, a) => {
    const { low, high, fraction } = neighbours(from, to, a);
    const weights = new Float32Array(from * to);
    fraction.forEach((f, i) => {
      weights[low[i]! * to + i]! += 1 - f;
      weights[high[i]! * to + i]! += f;
    });
    return weights;
  },
  ResizeNearestNeighborGrad: (from, to, a) => {
    const weights = new Float32Array(from * to);
    nearest(from, to, a).forEach((at, i) => {
      weights[at * to + i] = 1;
    });
    return weights;
  },
};

// Resizing is linear along rows and along columns: its gradient is two products with the transposed weights.
for (const [name, weightsOf] of Object.entries(WEIGHTS))
  defineKernel<ResizeAttributes>(name, (g, { dy, images }, a) => {
    const [B, H, W, C] = images!.shape as [number, number, number, number];
    const [, h, w] = dy!.shape as [number, number, number, number];
    const size = { ...a, size: [h, w] as [number, number] };
    if (sizeOf(dy!.shape) === 0) return g.splat('float32', images!.shape, 0);
    const matrix = (from: number, to: number) =>
      g.dense(g.constant('float32', [from, to], weightsOf(from, to, size)));
    const columns = matmul(g, matrix(W, w), g.reshape(dy!, [B * h, w, C]));
    const rows = matmul(g, matrix(H, h), g.reshape(columns, [B, h, W * C]));
    return g.reshape(rows, [B, H, W, C]);
  });

defineKernel('FlipLeftRight', (g, { image }) => {
  const shape = image!.shape;
  return slice(
    g,
    image!,
    shape.map((dim, i) => (i === 2 ? Math.max(0, dim - 1) : 0)),
    shape,
    shape.map((_, i) => (i === 2 ? -1 : 1)),
  );
});

defineKernel<{ blockSize: number; dataFormat: 'NHWC' | 'NCHW' }>(
  'DepthToSpace',
  (g, { x }, { blockSize: s, dataFormat }) => {
    if (dataFormat !== 'NHWC') throw new Error(`DepthToSpace: dataFormat must be NHWC, got ${dataFormat}`);
    const [B, H, W, C] = x!.shape as [number, number, number, number];
    const depth = C / (s * s);
    const split = g.transpose(g.reshape(x!, [B, H, W, s, s, depth]), [0, 1, 3, 2, 4, 5]);
    return g.reshape(split, [B, H * s, W * s, depth]);
  },
);

interface BlockAttributes {
  blockShape: number[];
}
defineKernel<BlockAttributes & { paddings: [number, number][] }>(
  'SpaceToBatchND',
  (g, { x }, { blockShape, paddings }) => {
    const all = x!.shape.map((_, i) => paddings[i - 1] ?? [0, 0]);
    const padded = x!.shape.map((dim, i) => dim + all[i]![0]! + all[i]![1]!);
    const pads = [...all.map(([before]) => before!), ...all.map(([, after]) => after!)];
    const source = pads.every((n) => n === 0)
      ? x!
      : g.op('Pad', [g.dense(x!), g.int64(pads)], x!.dtype, padded);
    const block = sizeOf(blockShape);
    const { getReshaped, getPermuted, getReshapedPermuted } = tf.backend_util;
    const split = getReshaped(padded, blockShape, block, false);
    const perm = getPermuted(split.length, blockShape.length, false);
    return g.reshape(
      g.transpose(g.reshape(source, split), perm),
      getReshapedPermuted(padded, blockShape, block, false),
    );
  },
);
defineKernel<BlockAttributes & { crops: [number, number][] }>(
  'BatchToSpaceND',
  (g, { x }, { blockShape, crops }) => {
    const shape = [...x!.shape];
    const block = sizeOf(blockShape);
    const util = tf.backend_util;
    const split = util.getReshaped(shape, blockShape, block);
    const perm = util.getPermuted(split.length, blockShape.length);
    const whole = util.getReshapedPermuted(shape, blockShape, block);
    const begin = util.getSliceBeginCoords(crops, blockShape.length);
    const size = util.getSliceSize(whole, crops, blockShape.length);
    const joined = g.reshape(g.transpose(g.reshape(x!, split), perm), whole);
    return slice(
      g,
      joined,
      whole.map((_, i) => begin[i] ?? 0),
      whole.map((dim, i) => size[i] ?? dim),
    );
  },
);
