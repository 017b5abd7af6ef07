import { tf } from '../tfjs.js';
import { OrtBackend } from '../backend.ts';
import { defineKernel } from './define.ts';

/** Attributes of both kernels. */
export interface SparseAttributes {
  /** Factor of each power of the matrix. */
  weights: number[];
  /** Whether values may have changed since the last run. */
  fresh: boolean;
  /** Rows of the result. */
  count: number;
}

/** Attributes of a node: how many threads may work is the backend's to say. */
function nodeAttributes({ weights, fresh }: SparseAttributes): Record<string, number | number[]> {
  const backend = tf.backend();
  return {
    weights,
    fresh: Number(fresh),
    threads: backend instanceof OrtBackend ? backend.options.threads : 1,
  };
}

defineKernel<SparseAttributes>('SparsePolynomial', (g, { starts, columns, values, x, rows }, attributes) =>
  g.op(
    'SparsePolynomial',
    [starts!, columns!, values!, x!, ...(rows ? [rows] : [])],
    'float32',
    [attributes.count, x!.shape[1]!],
    { domain: 'host', attributes: nodeAttributes(attributes) },
  ),
);

defineKernel<SparseAttributes>('SparsePolynomialOfRows', (g, inputs, attributes) => {
  const { starts, columns, values, backStarts, backColumns, backValues, x, rows } = inputs;
  return g.op(
    'SparsePolynomialOfRows',
    [starts!, columns!, values!, backStarts!, backColumns!, backValues!, x!, rows!],
    'float32',
    [attributes.count, x!.shape[1]!],
    { domain: 'host', attributes: nodeAttributes(attributes) },
  );
});
