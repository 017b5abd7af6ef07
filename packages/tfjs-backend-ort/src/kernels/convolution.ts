import { tf } from '../tfjs.js';
import { matmul, slice } from '../graph/math.ts';
import type { Graph } from '../graph/graph.ts';
import type { Attribute, Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';
import {
  channelsFirst,
  channelsLast,
  inFormat,
  isTiling,
  padsOf,
  windowOf,
  type DataFormat,
  type Window,
  type WindowAttributes,
} from './window.ts';

/** Attributes of tfjs's convolutions. */
export interface ConvolutionAttributes extends WindowAttributes {
  dataFormat?: DataFormat;
}

type Shape4D = [number, number, number, number];

/** The geometry of a convolution of an image with a filter [kh, kw, I, O], or [kh, kw, I, M] if depthwise. */
function geometry(
  what: string,
  image: readonly number[],
  filter: readonly number[],
  { strides, pad, dilations, dimRoundingMode, dataFormat }: ConvolutionAttributes,
  depthwise = false,
): Window {
  const info = tf.backend_util.computeConv2DInfo(
    [...image] as Shape4D,
    [...filter] as Shape4D,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
    tf.backend_util.convertConv2DDataFormat(dataFormat ?? 'NHWC'),
  );
  return windowOf(info, what);
}

function convolutionAttributes(w: Window, group = 1): Record<string, Attribute> {
  return {
    kernel_shape: [...w.kernel],
    strides: [...w.strides],
    dilations: [...w.dilations],
    pads: padsOf(w),
    group,
  };
}

/** ONNX's convolution: x [B, I, H, W], weight [O, I / group, kh, kw]. */
function conv(g: Graph, x: Value, weight: Value, w: Window, group = 1): Value {
  const shape = [x.shape[0]!, weight.shape[0]!, ...w.result];
  return g.op('Conv', [x, weight], 'float32', shape, { attributes: convolutionAttributes(w, group) });
}

/** Its gradient by x: dy [B, O, oh, ow], the same weight; `channels` is I. */
function convTranspose(g: Graph, dy: Value, weight: Value, w: Window, channels: number, group = 1): Value {
  return g.op('ConvTranspose', [dy, weight], 'float32', [dy.shape[0]!, channels, ...w.image], {
    attributes: {
      ...convolutionAttributes(w, group),
      // Rows that no window reached.
      output_padding: w.after.map((rows) => Math.max(0, -rows)),
    },
  });
}

/** Windows that tile an image [B, H, W, C], one a row: [B oh ow, kh kw C]. */
function tiles(g: Graph, x: Value, { result: [oh, ow], kernel: [kh, kw] }: Window): Value {
  const [B, , , C] = x.shape as Shape4D;
  const split = g.transpose(g.reshape(x, [B, oh, kh, ow, kw, C]), [0, 1, 3, 2, 4, 5]);
  return g.reshape(split, [B * oh * ow, kh * kw * C]);
}

/** The image [B, H, W, C] that {@link tiles} cut. */
function untile(g: Graph, rows: Value, B: number, C: number, w: Window): Value {
  const { result, kernel, image } = w;
  const [[oh, ow], [kh, kw]] = [result, kernel];
  const split = g.transpose(g.reshape(rows, [B, oh, ow, kh, kw, C]), [0, 1, 3, 2, 4, 5]);
  return g.reshape(split, [B, ...image, C]);
}

/** tfjs's filter [kh, kw, I, O] in ONNX's order [O, I, kh, kw]. */
function filterFirst(g: Graph, filter: Value): Value {
  return g.transpose(filter, [3, 2, 0, 1]);
}

/** A convolution of x [B, H, W, I] (or channels first) with a filter [kh, kw, I, O]. */
export function convolution(
  g: Graph,
  what: string,
  x: Value,
  filter: Value,
  a: ConvolutionAttributes,
): Value {
  const w = geometry(what, x.shape, filter.shape, a);
  const format = a.dataFormat ?? 'NHWC';
  const [kh, kw, I, O] = filter.shape as Shape4D;
  const shape = format === 'NHWC' ? [w.batch, ...w.result, O] : [w.batch, O, ...w.result];
  if (kh * kw * I === 0) return g.splat('float32', shape, 0);
  if (format === 'NHWC' && isTiling(w)) {
    const product = matmul(g, tiles(g, x, w), g.reshape(filter, [kh * kw * I, O]));
    return g.reshape(product, shape);
  }
  return inFormat(g, conv(g, channelsFirst(g, x, format), filterFirst(g, filter), w), format);
}

defineKernel<ConvolutionAttributes>('Conv2D', (g, { x, filter }, a) =>
  convolution(g, 'Conv2D', x!, filter!, a),
);

defineKernel<ConvolutionAttributes & { inputShape: number[] }>(
  'Conv2DBackpropInput',
  (g, { dy, filter }, a) => {
    const w = geometry('Conv2DBackpropInput', a.inputShape, filter!.shape, a);
    const format = a.dataFormat ?? 'NHWC';
    const [kh, kw, I, O] = filter!.shape as Shape4D;
    if (dy!.shape.includes(0) || O === 0) return g.splat('float32', a.inputShape, 0);
    if (format === 'NHWC' && isTiling(w)) {
      const rows = g.reshape(dy!, [w.batch * w.result[0] * w.result[1], O]);
      const product = matmul(g, rows, g.reshape(filter!, [kh * kw * I, O]), { transposeB: true });
      return untile(g, product, w.batch, I, w);
    }
    const image = convTranspose(g, channelsFirst(g, dy!, format), filterFirst(g, filter!), w, I);
    return inFormat(g, image, format);
  },
);

defineKernel<ConvolutionAttributes & { filterShape: number[] }>('Conv2DBackpropFilter', (g, { x, dy }, a) => {
  const w = geometry('Conv2DBackpropFilter', x!.shape, a.filterShape, a);
  const format = a.dataFormat ?? 'NHWC';
  if (x!.shape.includes(0) || dy!.shape.includes(0)) return g.splat('float32', a.filterShape, 0);
  const O = a.filterShape[3]!;
  const image = channelsLast(g, x!, format);
  const rows = g.reshape(channelsLast(g, dy!, format), [w.batch * w.result[0] * w.result[1], O]);
  if (isTiling(w)) return g.reshape(matmul(g, tiles(g, image, w), rows, { transposeA: true }), a.filterShape);
  return g.reshape(filterGradient(g, image, rows, w), a.filterShape);
});

/**
 * One matrix product for each position in the filter: of the pixels that the position meets, [B oh ow, I], transposed,
 * with the rows of dy [B oh ow, O]. It needs no transposed copies of the images, and no atomic sums, so it is exact.
 */
function filterGradient(g: Graph, x: Value, rows: Value, w: Window): Value {
  const [B, H, W, I] = x.shape as Shape4D;
  const [top, left] = w.before;
  const [bottom, right] = w.after.map((n) => Math.max(0, n)) as [number, number];
  const padded = [B, H + top + bottom, W + left + right, I];
  const source =
    top + left + bottom + right === 0
      ? x
      : g.op('Pad', [g.dense(x), g.int64([0, top, left, 0, 0, bottom, right, 0])], 'float32', padded);
  const strides = [1, ...w.strides, 1];
  const size = [B, ...w.result, I];
  const products: Value[] = [];
  for (let kh = 0; kh < w.kernel[0]; kh++)
    for (let kw = 0; kw < w.kernel[1]; kw++) {
      const begin = [0, kh * w.dilations[0], kw * w.dilations[1], 0];
      const pixels = g.reshape(slice(g, source, begin, size, strides), [rows.shape[0]!, I]);
      products.push(matmul(g, pixels, rows, { transposeA: true }));
    }
  const O = rows.shape[1]!;
  if (products.length === 1) return products[0]!;
  return g.op('Concat', products, 'float32', [products.length * I, O], { attributes: { axis: 0 } });
}

/** tfjs's depthwise filter [kh, kw, I, M] in ONNX's order [I M, 1, kh, kw]. */
function depthwiseFirst(g: Graph, filter: Value): Value {
  const [kh, kw, I, M] = filter.shape as Shape4D;
  return g.reshape(g.transpose(filter, [2, 3, 0, 1]), [I * M, 1, kh, kw]);
}

/** A convolution of each channel of x [B, H, W, I] with M filters of its own: [B, oh, ow, I M]. */
export function depthwise(g: Graph, what: string, x: Value, filter: Value, a: ConvolutionAttributes): Value {
  const w = geometry(what, x.shape, filter.shape, a, true);
  const format = a.dataFormat ?? 'NHWC';
  const [, , I] = filter.shape as Shape4D;
  return inFormat(g, conv(g, channelsFirst(g, x, format), depthwiseFirst(g, filter), w, I), format);
}

defineKernel<ConvolutionAttributes>('DepthwiseConv2dNative', (g, { x, filter }, a) =>
  depthwise(g, 'DepthwiseConv2dNative', x!, filter!, a),
);

defineKernel<ConvolutionAttributes & { inputShape: number[] }>(
  'DepthwiseConv2dNativeBackpropInput',
  (g, { dy, filter }, a) => {
    const w = geometry('DepthwiseConv2dNativeBackpropInput', a.inputShape, filter!.shape, a, true);
    if (dy!.shape.includes(0)) return g.splat('float32', a.inputShape, 0);
    const I = w.channels;
    return channelsLast(g, convTranspose(g, channelsFirst(g, dy!), depthwiseFirst(g, filter!), w, I, I));
  },
);

defineKernel<ConvolutionAttributes & { filterShape: number[] }>(
  'DepthwiseConv2dNativeBackpropFilter',
  (g, { x, dy }, a) => {
    const w = geometry('DepthwiseConv2dNativeBackpropFilter', x!.shape, a.filterShape, a, true);
    if (x!.shape.includes(0) || dy!.shape.includes(0)) return g.splat('float32', a.filterShape, 0);
    const [kh, kw, I, M] = a.filterShape as Shape4D;
    const B = w.batch;
    // A convolution with the roles changed: the batch is the channels, dy the filter, strides and dilations swap
    // places.
    const image = g.reshape(g.transpose(x!, [3, 0, 1, 2]), [1, I * B, ...w.image]);
    const filter = g.transpose(dy!, [3, 0, 1, 2]);
    const exchanged: Window = {
      ...w,
      kernel: w.result,
      strides: w.dilations,
      dilations: w.strides,
      // Where the last window ended before the image did, there are more positions than the filter has.
      result: w.after.map((rows, i) => w.kernel[i]! + Math.floor(Math.max(0, -rows) / w.dilations[i]!)) as [
        number,
        number,
      ],
    };
    const all = conv(g, image, filter, exchanged, I);
    const positions = slice(g, all, [0, 0, 0, 0], [1, I * M, kh, kw]);
    return g.transpose(g.reshape(positions, [I, M, kh, kw]), [2, 3, 0, 1]);
  },
);
