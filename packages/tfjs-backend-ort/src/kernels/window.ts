import { tf } from '../tfjs.js';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/types.ts';

/** Padding as tfjs kernels get it. */
export type Padding = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;

/** Which axis of an image holds the channels. */
export type DataFormat = 'NHWC' | 'NCHW';

/** Attributes that windows of convolutions and pools share. */
export interface WindowAttributes {
  strides: number | [number, number];
  pad: Padding;
  dilations?: number | [number, number] | null;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** How windows of a kernel move over an image: what ONNX's Conv, ConvTranspose and pools need. */
export interface Window {
  batch: number;
  channels: number;
  /** Height and width of the image. */
  image: readonly [number, number];
  /** Height and width of the result. */
  result: readonly [number, number];
  kernel: readonly [number, number];
  strides: readonly [number, number];
  dilations: readonly [number, number];
  /** Rows and columns before the image. */
  before: readonly [number, number];
  /** Rows and columns after the image that the last window reaches; negative where it ends before the image does. */
  after: readonly [number, number];
}

/** The geometry as tfjs computes it, checked to be one that ONNX can state. */
export function windowOf(info: tf.backend_util.Conv2DInfo, what: string): Window {
  const kernel = [info.filterHeight, info.filterWidth] as const;
  const strides = [info.strideHeight, info.strideWidth] as const;
  const dilations = [info.dilationHeight, info.dilationWidth] as const;
  const image = [info.inHeight, info.inWidth] as const;
  const result = [info.outHeight, info.outWidth] as const;
  const before = [info.padInfo.top, info.padInfo.left] as const;
  const reach = (i: 0 | 1) =>
    (result[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - before[i] - image[i];
  const after = [reach(0), reach(1)] as const;
  // tfjs takes the filter's height for its width when `pad` is a number: the result may then be narrower than ONNX's.
  for (const i of [0, 1] as const)
    if (result[i] > 0 && after[i] <= -strides[i])
      throw new Error(
        `${what}: with this padding the windows [${kernel.join(', ')}] do not cover the image [${image.join(', ')}]; ` +
          'give the padding as pairs of numbers',
      );
  return {
    batch: info.batchSize,
    channels: info.inChannels,
    image,
    result,
    kernel,
    strides,
    dilations,
    before,
    after,
  };
}

/** `pads` of ONNX: before each axis, then after it. */
export function padsOf({ before, after }: Window): number[] {
  return [...before, ...after.map((rows) => Math.max(0, rows))];
}

/** Whether the windows tile the image: neither gaps, overlaps nor padding. */
export function isTiling({ kernel, strides, dilations, before, after }: Window): boolean {
  return (
    kernel.every((n, i) => n === strides[i]) &&
    dilations.every((n, i) => n === 1 || kernel[i] === 1) &&
    [...before, ...after].every((n) => n === 0)
  );
}

/** An image with its channels before rows and columns. */
export function channelsFirst(g: Graph, x: Value, format: DataFormat = 'NHWC'): Value {
  return format === 'NHWC' ? g.transpose(x, [0, 3, 1, 2]) : x;
}

/** An image with its channels last. */
export function channelsLast(g: Graph, x: Value, format: DataFormat = 'NCHW'): Value {
  return format === 'NCHW' ? g.transpose(x, [0, 2, 3, 1]) : x;
}

/** An image with channels first, in the format the kernel was asked for. */
export function inFormat(g: Graph, x: Value, format: DataFormat): Value {
  return format === 'NHWC' ? g.transpose(x, [0, 2, 3, 1]) : x;
}
