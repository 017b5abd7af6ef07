import { tf } from '../../src/tfjs.js';
import { float, int, kernel, type Case } from './cases.ts';
import { SIDE } from './large.ts';

type Shape4D = [number, number, number, number];

const label = (...shapes: readonly (readonly number[])[]) => shapes.map((s) => `[${s.join(', ')}]`).join(' ');

const PRODUCTS: [number[], number[]][] = [
  [
    [256, 192],
    [192, 128],
  ],
  [
    [8, 96, 64],
    [8, 64, 80],
  ],
];

function products(): Case[] {
  return PRODUCTS.flatMap(([a, b]) =>
    [false, true].flatMap((transposeA) =>
      [false, true].flatMap((transposeB): Case[] => {
        const swap = (s: number[]) => [...s.slice(0, -2), s.at(-1)!, s.at(-2)!];
        const [left, right] = [transposeA ? swap(a) : a, transposeB ? swap(b) : b];
        const name = `${label(left)}${transposeA ? 'ᵀ' : ''} ${label(right)}${transposeB ? 'ᵀ' : ''}`;
        const run = (x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, transposeA, transposeB);
        return [
          { kernel: 'BatchMatMul', name, inputs: [float(left), float(right)], run, gradient: [0, 1] },
          { kernel: 'BatchMatMul', name: `int32 ${name}`, inputs: [int(left), int(right)], run },
        ];
      }),
    ),
  );
}

const CONVOLUTIONS: { x: Shape4D; filter: Shape4D; strides: number; pad: 'same' | 'valid' }[] = [
  { x: [8, 32, 32, 12], filter: [2, 2, 12, 16], strides: 2, pad: 'valid' },
  { x: [4, 25, 25, 12], filter: [3, 3, 12, 16], strides: 2, pad: 'valid' },
  { x: [4, 18, 18, 12], filter: [3, 3, 12, 16], strides: 1, pad: 'same' },
];

function convolutions(): Case[] {
  return CONVOLUTIONS.flatMap(({ x, filter, strides, pad }): Case[] => {
    const attributes = { strides: [strides, strides], pad, dataFormat: 'NHWC', dilations: [1, 1] };
    const y = tf.backend_util.computeConv2DInfo(x, filter, strides, 1, pad).outShape;
    const depthwise: Shape4D = [filter[0], filter[1], x[3], 2];
    const wide: Shape4D = [y[0], y[1], y[2], x[3] * 2];
    const name = `${label(x, filter)} strides ${strides}`;
    const back = (kernelName: string, dy: Shape4D, f: Shape4D): Case[] => [
      {
        kernel: `${kernelName}BackpropInput`,
        name,
        inputs: [float(dy), float(f)],
        run: (g, w) =>
          kernel(`${kernelName}BackpropInput`, { dy: g, filter: w }, { ...attributes, inputShape: x }),
        ...(kernelName === 'Conv2D' ? { gradient: [0, 1] } : {}),
      },
      {
        kernel: `${kernelName}BackpropFilter`,
        name,
        inputs: [float(x), float(dy)],
        run: (a, g) =>
          kernel(`${kernelName}BackpropFilter`, { x: a, dy: g }, { ...attributes, filterShape: f }),
      },
    ];
    const fused = (kernelName: string, f: Shape4D, channels: number): Case => ({
      kernel: kernelName,
      name,
      inputs: [float(x), float(f), float([channels])],
      run: (a, w, bias) =>
        kernel(kernelName, { x: a, filter: w, bias: bias }, { ...attributes, activation: 'relu' }),
    });
    return [
      {
        kernel: 'Conv2D',
        name,
        inputs: [float(x), float(filter)],
        run: (a, w) => tf.conv2d(a as tf.Tensor4D, w as tf.Tensor4D, strides, pad),
        gradient: [0, 1],
      },
      {
        kernel: 'DepthwiseConv2dNative',
        name,
        inputs: [float(x), float(depthwise)],
        run: (a, w) => tf.depthwiseConv2d(a as tf.Tensor4D, w as tf.Tensor4D, strides, pad),
        gradient: [0, 1],
      },
      ...back('Conv2D', y, filter),
      ...back('DepthwiseConv2dNative', wide, depthwise),
      fused('FusedConv2D', filter, filter[3]),
      fused('FusedDepthwiseConv2D', depthwise, wide[3]),
    ];
  });
}

const POOLS: { x: Shape4D; size: number; strides: number; pad: 'same' | 'valid' }[] = [
  { x: [8, 64, 64, 8], size: 2, strides: 2, pad: 'valid' },
  { x: [8, 32, 32, 16], size: 3, strides: 1, pad: 'same' },
  { x: [8, 49, 49, 16], size: 3, strides: 2, pad: 'valid' },
];

function pools(): Case[] {
  return POOLS.flatMap(({ x, size, strides, pad }): Case[] => {
    const attributes = { filterSize: size, strides, pad };
    const y = tf.backend_util.computePool2DInfo(x, size, strides, 1, pad).outShape;
    const name = `${label(x)} window ${size} strides ${strides} ${pad}`;
    // tfjs's own gradient is wrong where windows are padded.
    const right = pad === 'valid';
    return [
      {
        kernel: 'MaxPool',
        name,
        inputs: [float(x)],
        run: (a) => tf.maxPool(a as tf.Tensor4D, size, strides, pad),
        gradient: [0],
      },
      {
        kernel: 'AvgPool',
        name,
        inputs: [float(x)],
        run: (a) => tf.avgPool(a as tf.Tensor4D, size, strides, pad),
        ...(right ? { gradient: [0] } : {}),
      },
      {
        kernel: 'MaxPoolGrad',
        name,
        inputs: [float(y), int(x)],
        run: (dy, whole) => {
          const input = tf.cast(whole, 'float32');
          const output = kernel('MaxPool', { x: input }, attributes);
          return kernel('MaxPoolGrad', { dy: dy, input, output }, attributes);
        },
      },
      ...(right
        ? [
            {
              kernel: 'AvgPoolGrad',
              name,
              inputs: [float(y), float(x)],
              run: (dy, input) => kernel('AvgPoolGrad', { dy: dy, input: input }, attributes),
            } satisfies Case,
          ]
        : []),
    ];
  });
}

// One square image, for tfjs's own gradient is right only there.
const IMAGE: Shape4D = [1, 80, 80, 48];
const RESIZED: [number, number] = [110, 110];

function resizes(): Case[] {
  return (['ResizeBilinear', 'ResizeNearestNeighbor'] as const).flatMap((name) =>
    [false, true].flatMap((alignCorners): Case[] => {
      const attributes = { alignCorners, halfPixelCenters: false, size: RESIZED };
      const row = `${label(IMAGE)}${alignCorners ? ' aligned' : ''}`;
      return [
        {
          kernel: name,
          name: row,
          inputs: [float(IMAGE)],
          run: (images) => kernel(name, { images: images }, attributes),
          gradient: [0],
        },
        {
          kernel: `${name}Grad`,
          name: row,
          inputs: [float([1, ...RESIZED, IMAGE[3]]), float(IMAGE)],
          run: (dy, images) => kernel(`${name}Grad`, { dy: dy, images: images }, attributes),
        },
      ];
    }),
  );
}

const LOCAL = { depthRadius: 2, bias: 1.1, alpha: 0.7, beta: 0.6 };
const MAPS = [16, 32, 32, 16];

/** Products, convolutions, pools, resizing and normalisations, large. */
export const largeProducts: Case[] = [
  ...products(),
  {
    kernel: 'BatchMatMul',
    name: 'of transposed and scaled tensors',
    inputs: [float([8, 96, 64]), float([8, 80, 64])],
    run: (x, y) => tf.mul(tf.matMul(x, tf.transpose(y, [0, 2, 1])), 0.25),
    gradient: [0, 1],
  },
  {
    kernel: '_FusedMatMul',
    name: 'relu with bias',
    inputs: [float([256, 192]), float([192, 128]), float([128])],
    run: (a, b, bias) =>
      tf.fused.matMul({ a: a, b: b, bias: bias, transposeA: false, transposeB: false, activation: 'relu' }),
    gradient: [0, 1, 2],
  },
  ...[float, int].map((make): Case => ({
    kernel: 'Einsum',
    name: `${make([]).dtype} bqhd,bkhd->bhqk`,
    inputs: [make([2, 64, 4, 64]), make([2, 80, 4, 64])],
    run: (...x) => tf.einsum('bqhd,bkhd->bhqk', ...x),
  })),
  ...convolutions(),
  ...pools(),
  ...resizes(),
  {
    kernel: 'FusedBatchNorm',
    name: label(MAPS),
    inputs: [float(MAPS), float([16]), float([16], 'positive'), float([16]), float([16], 'positive')],
    run: (x, mean, variance, offset, scale) => tf.batchNorm(x, mean, variance, offset, scale, 0.01),
    gradient: [0, 1, 2, 3, 4],
  },
  {
    kernel: 'LRN',
    name: label(MAPS),
    inputs: [float(MAPS)],
    run: (x) => kernel('LRN', { x: x }, LOCAL),
    gradient: [0],
  },
  {
    kernel: 'LRNGrad',
    name: label([SIDE, 1, 8, 16]),
    inputs: [float([SIDE, 1, 8, 16]), float([SIDE, 1, 8, 16])],
    run: (x, dy) => kernel('LRNGrad', { x: x, y: kernel('LRN', { x: x }, LOCAL), dy: dy }, LOCAL),
  },
];
