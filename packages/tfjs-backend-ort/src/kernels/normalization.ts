import { binary, unary } from '../graph/math.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/types.ts';
import { defineKernel } from './define.ts';

defineKernel<{ varianceEpsilon: number }>(
  'FusedBatchNorm',
  (g, { x, mean, variance, scale, offset }, { varianceEpsilon }) => {
    const root = unary(g, 'Sqrt', binary(g, 'Add', variance!, g.splat('float32', [], varianceEpsilon)));
    const one = scale ?? g.splat('float32', [], 1);
    // Everything that has the size of the statistics first, then two passes over x.
    const factor = binary(g, 'Div', one, root);
    const centred = binary(g, 'Mul', binary(g, 'Sub', x!, mean!), factor);
    return offset ? binary(g, 'Add', centred, offset) : centred;
  },
);

interface LocalResponseAttributes {
  depthRadius: number;
  bias: number;
  alpha: number;
  beta: number;
}

/** `alpha` where two channels are neighbours: [C, C]. */
function band(g: Graph, channels: number, { depthRadius, alpha }: LocalResponseAttributes): Value {
  const data = Float32Array.from({ length: channels * channels }, (_, i) =>
    Math.abs(Math.floor(i / channels) - (i % channels)) <= depthRadius ? alpha : 0,
  );
  return g.dense(g.constant('float32', [channels, channels], data));
}

/** `bias + alpha` times the sum of squares over the neighbouring channels. */
function localNorm(g: Graph, x: Value, a: LocalResponseAttributes): Value {
  const squares = binary(g, 'Mul', x, x);
  const sums = g.op('MatMul', [squares, band(g, x.shape.at(-1)!, a)], 'float32', x.shape);
  return binary(g, 'Add', sums, g.splat('float32', [], a.bias));
}

defineKernel<LocalResponseAttributes>('LRN', (g, { x }, a) => {
  const norm = localNorm(g, x!, a);
  return binary(g, 'Mul', x!, binary(g, 'Pow', norm, g.splat('float32', [], -a.beta)));
});

defineKernel<LocalResponseAttributes>('LRNGrad', (g, { x, y, dy }, a) => {
  const norm = localNorm(g, x!, a);
  const direct = binary(g, 'Mul', dy!, binary(g, 'Pow', norm, g.splat('float32', [], -a.beta)));
  const ratio = binary(g, 'Div', binary(g, 'Mul', y!, dy!), norm);
  const spread = g.op('MatMul', [ratio, band(g, x!.shape.at(-1)!, a)], 'float32', x!.shape);
  const through = binary(g, 'Mul', binary(g, 'Mul', spread, x!), g.splat('float32', [], -2 * a.beta));
  return binary(g, 'Add', direct, through);
});
