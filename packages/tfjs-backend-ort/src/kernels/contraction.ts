import { binary, matmul, unary, where } from '../graph/math.ts';
import { Graph } from '../graph/graph.ts';
import { sizeOf, type Value } from '../graph/types.ts';
import { convolution, depthwise, type ConvolutionAttributes } from './convolution.ts';
import { defineKernel } from './define.ts';

defineKernel<{ transposeA: boolean; transposeB: boolean }>(
  'BatchMatMul',
  (g, { a, b }, { transposeA, transposeB }) => {
    if (a!.dtype !== 'bool') return matmul(g, a!, b!, { transposeA, transposeB });
    const [x, y] = [g.cast(a!, 'int32'), g.cast(b!, 'int32')];
    return g.cast(matmul(g, x, y, { transposeA, transposeB }), 'bool');
  },
);

defineKernel<{ equation: string }>('Einsum', (g, inputs, { equation }) => {
  const values = Object.values(inputs);
  const [left = '', result = ''] = equation.replaceAll(/\s/g, '').split('->');
  const sizes = new Map<string, number>();
  left.split(',').forEach((letters, i) => {
    const shape = values[i]!.shape;
    if (letters.length !== shape.length)
      throw new Error(`Einsum: '${letters}' must name every axis, got a tensor [${shape.join(', ')}]`);
    Array.from(letters).forEach((letter, axis) => {
      const known = sizes.get(letter);
      if (known !== undefined && known !== shape[axis])
        throw new Error(`Einsum: axis '${letter}' must have one length, got ${known} and ${shape[axis]!}`);
      sizes.set(letter, shape[axis]!);
    });
  });
  const shape = Array.from(result, (letter) => sizes.get(letter)!);
  const { dtype } = values[0]!;
  if ([...sizes.values()].includes(0)) return g.splat(dtype, shape, 0);
  return g.op('Einsum', values, dtype, shape, { attributes: { equation: `${left}->${result}` } });
});

defineKernel('Diag', (g, { x }) => {
  const n = sizeOf(x!.shape);
  const ids = Int32Array.from({ length: n }, (_, i) => i);
  const onDiagonal = binary(
    g,
    'Equal',
    g.constant('int32', [n, 1], ids),
    g.constant('int32', [1, n], ids),
    'bool',
  );
  const row = g.expand(g.reshape(x!, [1, n]), [n, n]);
  const matrix = where(g, onDiagonal, row, g.splat(x!.dtype, [], 0), [n, n]);
  return g.reshape(matrix, [...x!.shape, ...x!.shape]);
});

/** Attributes of a kernel that ends in an activation. */
interface ActivationAttributes {
  activation?: string;
  leakyreluAlpha?: number;
}

/** What a fused kernel does after its product: adds a bias and applies an activation. */
function finish(
  g: Graph,
  product: Value,
  bias: Value | undefined,
  slope: Value | undefined,
  { activation = 'linear', leakyreluAlpha = 0.2 }: ActivationAttributes,
  what: string,
): Value {
  const x = bias ? binary(g, 'Add', product, bias) : product;
  const zero = g.splat('float32', [], 0);
  const below = (negative: Value) => where(g, binary(g, 'Less', x, zero, 'bool'), negative, x, x.shape);
  switch (activation) {
    case 'linear':
      return x;
    case 'relu':
      return unary(g, 'Relu', x);
    case 'relu6':
      return g.op('Clip', [x, zero, g.splat('float32', [], 6)], 'float32', x.shape, { broadcasts: true });
    case 'elu':
      return g.op('Elu', [x], 'float32', x.shape, { attributes: { alpha: { float: 1 } } });
    case 'sigmoid':
      return unary(g, 'Sigmoid', x);
    case 'leakyrelu':
      return below(binary(g, 'Mul', x, g.splat('float32', [], leakyreluAlpha)));
    case 'prelu':
      return below(binary(g, 'Mul', x, slope!));
    default:
      throw new Error(
        `${what}: activation must be linear, relu, relu6, elu, sigmoid, leakyrelu or prelu, got ${activation}`,
      );
  }
}

defineKernel<ActivationAttributes & { transposeA: boolean; transposeB: boolean }>(
  '_FusedMatMul',
  (g, { a, b, bias, preluActivationWeights }, attributes) => {
    const { transposeA, transposeB } = attributes;
    const product = matmul(g, a!, b!, { transposeA, transposeB });
    return finish(g, product, bias, preluActivationWeights, attributes, '_FusedMatMul');
  },
);

for (const [name, multiply] of [
  ['FusedConv2D', convolution],
  ['FusedDepthwiseConv2D', depthwise],
] as const)
  defineKernel<ActivationAttributes & ConvolutionAttributes>(
    name,
    (g, { x, filter, bias, preluActivationWeights }, attributes) => {
      // With channels first, a vector belongs to the channels' axis.
      const align = (value: Value | undefined) =>
        value?.shape.length === 1 && attributes.dataFormat === 'NCHW'
          ? g.reshape(value, [value.shape[0]!, 1, 1])
          : value;
      const product = multiply(g, name, x!, filter!, attributes);
      return finish(g, product, align(bias), align(preluActivationWeights), attributes, name);
    },
  );
