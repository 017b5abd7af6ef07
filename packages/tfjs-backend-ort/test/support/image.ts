import { tf } from '../../src/tfjs.js';
import { float, int, kernel, type Case } from './cases.ts';

type Shape4D = [number, number, number, number];
type Pad = 'same' | 'valid' | number;

const POOLS: { x: Shape4D; size: [number, number]; strides: [number, number]; pad: Pad }[] = [
  { x: [2, 4, 6, 3], size: [2, 2], strides: [2, 2], pad: 'valid' },
  { x: [1, 5, 5, 2], size: [3, 3], strides: [1, 1], pad: 'same' },
  { x: [2, 7, 6, 1], size: [3, 2], strides: [2, 2], pad: 'same' },
  { x: [1, 5, 7, 2], size: [2, 3], strides: [3, 2], pad: 'valid' },
  { x: [1, 4, 4, 2], size: [3, 3], strides: [2, 2], pad: 1 },
  { x: [1, 3, 3, 2], size: [1, 1], strides: [1, 1], pad: 'valid' },
  { x: [1, 3, 3, 2], size: [1, 1], strides: [2, 2], pad: 'valid' },
  { x: [0, 4, 4, 2], size: [2, 2], strides: [2, 2], pad: 'valid' },
];

function pools(): Case[] {
  return POOLS.flatMap(({ x, size, strides, pad }): Case[] => {
    const attributes = { filterSize: size, strides, pad };
    const y = tf.backend_util.computePool2DInfo(x, size, strides, 1, pad).outShape;
    const padded = pad !== 'valid';
    const wrong = 'tfjs divides by the whole window where it is padded';
    const name = `[${x.join(', ')}] window ${size.join()} strides ${strides.join()} pad ${JSON.stringify(pad)}`;
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
        gradient: [0],
        ...(padded ? { gradientDiffers: wrong } : {}),
      },
      {
        // With ties too: values are whole numbers.
        kernel: 'MaxPoolGrad',
        name,
        inputs: [float(y), float(x, 'integers')],
        run: (dy, input) =>
          kernel(
            'MaxPoolGrad',
            { dy: dy, input: input, output: kernel('MaxPool', { x: input }, attributes) },
            attributes,
          ),
      },
      ...(padded
        ? []
        : [
            {
              kernel: 'AvgPoolGrad',
              name,
              inputs: [float(y), float(x)],
              run: (dy, input) => kernel('AvgPoolGrad', { dy: dy, input: input }, attributes),
            } satisfies Case,
          ]),
    ];
  });
}

const RESIZES: [Shape4D, [number, number]][] = [
  [
    [2, 3, 4, 2],
    [5, 7],
  ],
  [
    [1, 6, 5, 3],
    [3, 2],
  ],
  [
    [1, 4, 4, 1],
    [4, 4],
  ],
  [
    [1, 1, 1, 2],
    [3, 3],
  ],
  [
    [1, 5, 5, 1],
    [1, 1],
  ],
];

/** What is wrong with tfjs's own gradient of a resized image. */
function whyDifferent(
  name: string,
  x: Shape4D,
  size: readonly number[],
  alignCorners: boolean,
  halfPixelCenters: boolean,
): string | undefined {
  if (halfPixelCenters) return 'tfjs ignores halfPixelCenters in the gradient';
  if (name === 'ResizeBilinear') return x[1] === x[2] ? undefined : 'tfjs exchanges the axes of the gradient';
  if (alignCorners && x[1] === 1 && size[0]! > 1) return 'tfjs searches an infinite window';
  return x[0] === 1 ? undefined : 'tfjs reads the gradient of another image of the batch';
}

function resizes(): Case[] {
  return RESIZES.flatMap(([x, size]) =>
    (
      [
        [false, false],
        [true, false],
        [false, true],
      ] as const
    ).flatMap(([alignCorners, halfPixelCenters]) =>
      (['ResizeBilinear', 'ResizeNearestNeighbor'] as const).flatMap((name): Case[] => {
        const attributes = { alignCorners, halfPixelCenters, size };
        const differs = whyDifferent(name, x, size, alignCorners, halfPixelCenters);
        const ways = (alignCorners ? ' aligned' : '') + (halfPixelCenters ? ' half pixels' : '');
        const row = `[${x.join(', ')}] to ${size.join()}${ways}`;
        return [
          {
            kernel: name,
            name: row,
            inputs: [float(x)],
            run: (a) => kernel(name, { images: a }, attributes),
            gradient: [0],
            ...(differs ? { gradientDiffers: differs } : {}),
          },
          ...(differs
            ? []
            : [
                {
                  kernel: `${name}Grad`,
                  name: row,
                  inputs: [float([x[0], ...size, x[3]]), float(x)],
                  run: (dy: tf.Tensor, images: tf.Tensor) =>
                    kernel(`${name}Grad`, { dy, images }, attributes),
                } satisfies Case,
              ]),
        ];
      }),
    ),
  );
}

/** Kernels of images: pools, resizing, blocks. */
export const imageCases: Case[] = [
  ...pools(),
  ...resizes(),
  {
    kernel: 'MaxPool',
    name: '-Infinity',
    inputs: [float([1, 2, 4, 1], [-Infinity, -Infinity, 1, 2, -Infinity, -Infinity, 3, -Infinity])],
    run: (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'),
  },
  {
    kernel: 'MaxPool',
    name: 'int32',
    inputs: [int([1, 4, 4, 2])],
    run: (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'),
  },
  {
    kernel: 'MaxPoolGrad',
    name: 'no gradient to a window of -Infinity',
    inputs: [
      float([1, 2, 4, 1], [-Infinity, -Infinity, 1, 2, -Infinity, -Infinity, 3, -Infinity]),
      float([1, 1, 2, 1]),
    ],
    run: (input, dy) => {
      const attributes = { filterSize: 2, strides: 2, pad: 'valid' };
      return kernel(
        'MaxPoolGrad',
        { dy: dy, input: input, output: kernel('MaxPool', { x: input }, attributes) },
        attributes,
      );
    },
  },
  {
    kernel: 'FlipLeftRight',
    name: '[2, 2, 3, 2]',
    inputs: [float([2, 2, 3, 2])],
    run: (x) => tf.image.flipLeftRight(x as tf.Tensor4D),
  },
  ...[
    [1, 2, 2, 8],
    [2, 1, 3, 4],
  ].map((shape): Case => ({
    kernel: 'DepthToSpace',
    name: `[${shape.join(', ')}]`,
    inputs: [float(shape)],
    run: (x) => tf.depthToSpace(x as tf.Tensor4D, 2),
  })),
  ...(['float32', 'int32'] as const).flatMap((dtype): Case[] => {
    const input = (shape: number[]) => (dtype === 'int32' ? int(shape) : float(shape));
    const gradient = dtype === 'float32' ? { gradient: [0] } : {};
    return [
      {
        kernel: 'SpaceToBatchND',
        name: `${dtype} padded`,
        inputs: [input([2, 3, 4, 2])],
        run: (x) =>
          tf.spaceToBatchND(
            x,
            [2, 2],
            [
              [1, 0],
              [0, 2],
            ],
          ),
        ...gradient,
      },
      {
        kernel: 'SpaceToBatchND',
        name: `${dtype} plain`,
        inputs: [input([1, 4, 1])],
        run: (x) => tf.spaceToBatchND(x, [2], [[0, 0]]),
        ...gradient,
      },
      {
        kernel: 'BatchToSpaceND',
        name: `${dtype} cropped`,
        inputs: [input([8, 2, 3, 1])],
        run: (x) =>
          tf.batchToSpaceND(
            x,
            [2, 2],
            [
              [1, 0],
              [0, 2],
            ],
          ),
        ...gradient,
      },
      {
        kernel: 'BatchToSpaceND',
        name: `${dtype} plain`,
        inputs: [input([4, 1, 3])],
        run: (x) => tf.batchToSpaceND(x, [2], [[0, 0]]),
        ...gradient,
      },
    ];
  }),
];
