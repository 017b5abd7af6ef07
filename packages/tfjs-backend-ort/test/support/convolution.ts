import { tf } from '../../src/tfjs.js';
import { float, kernel, type Case } from './cases.ts';

type Shape4D = [number, number, number, number];
type Pad = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;

interface Convolution {
  x: Shape4D;
  filter: Shape4D;
  strides: [number, number];
  pad: Pad;
  dilations?: [number, number];
}

const EXPLICIT: tf.backend_util.ExplicitPadding = [
  [0, 0],
  [1, 0],
  [2, 1],
  [0, 0],
];

const CONVOLUTIONS: Convolution[] = [
  { x: [2, 5, 6, 3], filter: [3, 3, 3, 4], strides: [1, 1], pad: 'same' },
  { x: [2, 5, 6, 3], filter: [3, 3, 3, 4], strides: [2, 2], pad: 'same' },
  { x: [1, 7, 5, 2], filter: [3, 2, 2, 3], strides: [1, 1], pad: 'valid' },
  { x: [1, 8, 7, 2], filter: [3, 3, 2, 3], strides: [2, 3], pad: 'valid' },
  { x: [2, 4, 4, 3], filter: [1, 1, 3, 4], strides: [1, 1], pad: 'same' },
  { x: [2, 5, 4, 3], filter: [1, 1, 3, 4], strides: [2, 2], pad: 'valid' },
  { x: [2, 4, 6, 3], filter: [2, 2, 3, 4], strides: [2, 2], pad: 'valid' },
  { x: [2, 5, 7, 3], filter: [2, 2, 3, 4], strides: [2, 2], pad: 'valid' },
  { x: [1, 5, 5, 2], filter: [3, 3, 2, 2], strides: [1, 1], pad: 1 },
  { x: [1, 5, 5, 2], filter: [3, 3, 2, 2], strides: [1, 1], pad: EXPLICIT },
  { x: [1, 1, 1, 1], filter: [1, 1, 1, 1], strides: [1, 1], pad: 'valid' },
  { x: [1, 7, 7, 2], filter: [3, 3, 2, 2], strides: [1, 1], pad: 'same', dilations: [2, 2] },
  { x: [0, 4, 4, 2], filter: [3, 3, 2, 2], strides: [1, 1], pad: 'same' },
];

const describe = ({ x, filter, strides, pad, dilations }: Convolution) =>
  `[${x.join(', ')}] [${filter.join(', ')}] strides ${strides.join()} pad ${JSON.stringify(pad)}` +
  (dilations ? ` dilations ${dilations.join()}` : '');

function convolutions(): Case[] {
  return CONVOLUTIONS.flatMap((row): Case[] => {
    const { x, filter, strides, pad, dilations = [1, 1] } = row;
    const attributes = { strides, pad, dataFormat: 'NHWC', dilations };
    const info = tf.backend_util.computeConv2DInfo(x, filter, strides, dilations, pad);
    // tfjs refuses gradients of dilated convolutions.
    const plain = dilations[0] === 1;
    const name = describe(row);
    const y = info.outShape;
    const depthwise: Shape4D = [filter[0], filter[1], x[3], 2];
    const wide: Shape4D = [y[0], y[1], y[2], x[3] * 2];
    const both: Case[] = [
      {
        kernel: 'Conv2D',
        name,
        inputs: [float(x), float(filter)],
        run: (a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad, 'NHWC', dilations),
        ...(plain ? { gradient: [0, 1] } : {}),
      },
      {
        kernel: 'DepthwiseConv2dNative',
        name,
        inputs: [float(x), float(depthwise)],
        run: (a, b) =>
          tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad, 'NHWC', dilations),
        ...(plain ? { gradient: [0, 1] } : {}),
      },
    ];
    const backwards: Case[] = [
      {
        kernel: 'Conv2DBackpropInput',
        name,
        inputs: [float(y), float(filter)],
        run: (dy, f) =>
          kernel('Conv2DBackpropInput', { dy: dy, filter: f }, { ...attributes, inputShape: x }),
        gradient: [0, 1],
      },
      {
        kernel: 'Conv2DBackpropFilter',
        name,
        inputs: [float(x), float(y)],
        run: (a, dy) =>
          kernel('Conv2DBackpropFilter', { x: a, dy: dy }, { ...attributes, filterShape: filter }),
      },
      {
        kernel: 'DepthwiseConv2dNativeBackpropInput',
        name,
        inputs: [float(wide), float(depthwise)],
        run: (dy, f) =>
          kernel(
            'DepthwiseConv2dNativeBackpropInput',
            { dy: dy, filter: f },
            { ...attributes, inputShape: x },
          ),
      },
      {
        kernel: 'DepthwiseConv2dNativeBackpropFilter',
        name,
        inputs: [float(x), float(wide)],
        run: (a, dy) =>
          kernel(
            'DepthwiseConv2dNativeBackpropFilter',
            { x: a, dy: dy },
            { ...attributes, filterShape: depthwise },
          ),
      },
    ];
    return plain ? [...both, ...backwards] : both;
  });
}

const FUSED = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const;

function fused(): Case[] {
  return (['FusedConv2D', 'FusedDepthwiseConv2D'] as const).flatMap((name): Case[] =>
    FUSED.flatMap((activation) => {
      const depthwise = name === 'FusedDepthwiseConv2D';
      const O = depthwise ? 6 : 4;
      return [true, false].map((biased) => ({
        kernel: name,
        name: `${activation}${biased ? ' with bias' : ''}`,
        inputs: [
          float([2, 4, 5, 3]),
          float([3, 3, 3, depthwise ? 2 : O]),
          float([O]),
          float([O], 'positive'),
        ],
        run: (x, filter, bias, slope) =>
          kernel(
            name,
            {
              x: x,
              filter: filter,
              ...(biased ? { bias: bias } : {}),
              ...(activation === 'prelu' ? { preluActivationWeights: slope } : {}),
            },
            {
              strides: [1, 1],
              pad: 'same',
              dataFormat: 'NHWC',
              dilations: [1, 1],
              activation,
              leakyreluAlpha: 0.3,
            },
          ),
      }));
    }),
  );
}

/** Convolutions, their gradients as kernels of their own, and those with bias and activation. */
export const convolutionCases: Case[] = [...convolutions(), ...fused()];
