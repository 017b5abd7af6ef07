import { tf } from '../tfjs.js';
import { binary, unary, where } from '../graph/math.ts';
import type { Graph } from '../graph/graph.ts';
import { sameShape, sizeOf, type Attribute, type Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';
import { unlessNaN } from './nan.ts';
import { segmentSum } from './scatter.ts';
import {
  channelsFirst,
  channelsLast,
  padsOf,
  windowOf,
  type Window,
  type WindowAttributes,
} from './window.ts';

interface PoolAttributes extends WindowAttributes {
  filterSize: number | [number, number];
}

function geometry(
  what: string,
  x: Value,
  { filterSize, strides, pad, dimRoundingMode }: PoolAttributes,
): Window {
  const info = tf.backend_util.computePool2DInfo(
    [...x.shape] as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const w = windowOf(info, what);
  if (padsOf(w).some((rows, i) => rows >= w.kernel[i % 2]!))
    throw new Error(
      `${what}: padding must be smaller than the window [${w.kernel.join(', ')}], got [${padsOf(w).join(', ')}]`,
    );
  return w;
}

function attributesOf(w: Window): Record<string, Attribute> {
  return { kernel_shape: [...w.kernel], strides: [...w.strides], pads: padsOf(w) };
}

defineKernel<PoolAttributes>('MaxPool', (g, { x }, a) => {
  const w = geometry('MaxPool', x!, a);
  if (w.kernel.every((n) => n === 1) && sameShape(w.image, w.result)) return x!;
  const image = channelsFirst(g, g.cast(x!, 'float32'));
  const shape = [w.batch, w.channels, ...w.result];
  const pool = (op: string, value: Value) =>
    g.op(op, [value], 'float32', shape, { attributes: attributesOf(w) });
  const plain = () => [pool('MaxPool', image)];
  const careful = () => {
    // The mean of the magnitudes in a window is NaN if and only if one of them is.
    const mean = pool('AveragePool', unary(g, 'Abs', image));
    return [where(g, unary(g, 'IsNaN', mean, 'bool'), mean, pool('MaxPool', image), shape)];
  };
  const [pooled] = sizeOf(shape) === 0 ? plain() : unlessNaN(g, image, plain, careful);
  return g.cast(channelsLast(g, pooled!), x!.dtype);
});

// Of equal maxima the first in row order gets the gradient, as the first NaN does, and none where all are -Infinity, as
// in tfjs.
defineKernel<PoolAttributes>('MaxPoolGrad', (g, { dy, input, output }, a) => {
  const w = geometry('MaxPoolGrad', input!, a);
  const shape = [w.batch, w.channels, ...w.result];
  const image = [w.batch, w.channels, ...w.image];
  if (sizeOf(shape) === 0) return g.splat('float32', input!.shape, 0);
  const x = channelsFirst(g, g.cast(input!, 'float32'));
  const y = channelsFirst(g, g.cast(output!, 'float32'));
  const positionsOf = (value: Value) => {
    const [, positions] = g.many(
      'MaxPool',
      [value],
      [
        { dtype: 'float32', shape },
        { dtype: 'int64', shape },
      ],
      { attributes: attributesOf(w) },
    );
    return g.cast(positions!, 'int32');
  };
  const plain = () => {
    // ONNX Runtime's position in a window of -Infinity is meaningless.
    const none = g.op('IsInf', [y], 'bool', shape, {
      attributes: { detect_positive: 0, detect_negative: 1 },
    });
    return [where(g, none, g.splat('int32', [], -1), positionsOf(x), shape)];
  };
  const careful = () => {
    const first = positionsOf(g.cast(unary(g, 'IsNaN', x, 'bool'), 'float32'));
    return [where(g, unary(g, 'IsNaN', y, 'bool'), first, plain()[0]!, shape)];
  };
  const [found] = unlessNaN(g, x, plain, careful);
  const ids = g.reshape(found!, [sizeOf(shape)]);
  const rows = g.reshape(channelsFirst(g, dy!), [sizeOf(shape), 1]);
  const gradient = segmentSum(g, rows, ids, sizeOf(image));
  return channelsLast(g, g.reshape(gradient, image));
});

defineKernel<PoolAttributes>('AvgPool', (g, { x }, a) => {
  const w = geometry('AvgPool', x!, a);
  if (w.kernel.every((n) => n === 1) && sameShape(w.image, w.result)) return x!;
  const image = channelsFirst(g, g.cast(x!, 'float32'));
  const shape = [w.batch, w.channels, ...w.result];
  const attributes = { ...attributesOf(w), count_include_pad: 0 };
  return channelsLast(g, g.op('AveragePool', [image], 'float32', shape, { attributes }));
});

// Each output divides by the pixels its window has inside the image, and so does its gradient; tfjs's own gradient
// divides by the window's size and is wrong where windows are padded.
defineKernel<PoolAttributes>('AvgPoolGrad', (g, { dy, input }, a) => {
  const w = geometry('AvgPoolGrad', input!, a);
  if (dy!.shape.includes(0)) return g.splat('float32', input!.shape, 0);
  const share = binary(g, 'Mul', dy!, shares(g, w));
  // Channels are spread one by one, so they count as batch.
  const rows = g.reshape(channelsFirst(g, share), [w.batch * w.channels, 1, ...w.result]);
  const ones = g.dense(g.splat('float32', [1, 1, ...w.kernel], 1));
  const image = g.op('ConvTranspose', [rows, ones], 'float32', [rows.shape[0]!, 1, ...w.image], {
    attributes: { ...attributesOf(w), output_padding: w.after.map((n) => Math.max(0, -n)) },
  });
  return channelsLast(g, g.reshape(image, [w.batch, w.channels, ...w.image]));
});

/** 1 / (pixels of the image in each window): [1, oh, ow, 1]. */
function shares(g: Graph, { result: [oh, ow], kernel, strides, before, image }: Window): Value {
  const inside = (i: 0 | 1, at: number) => {
    const first = at * strides[i] - before[i];
    return Math.min(image[i], first + kernel[i]) - Math.max(0, first);
  };
  const data = Float32Array.from(
    { length: oh * ow },
    (_, at) => 1 / (inside(0, Math.floor(at / ow)) * inside(1, at % ow)),
  );
  return g.constant('float32', [1, oh, ow, 1], data);
}
