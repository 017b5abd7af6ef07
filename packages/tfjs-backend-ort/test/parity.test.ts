import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { supportedKernels } from '../src/index.ts';
import { binaryCases } from './support/binary.ts';
import type { Case } from './support/cases.ts';
import { convolutionCases } from './support/convolution.ts';
import { checkCase, setUp } from './support/harness.ts';
import { imageCases } from './support/image.ts';
import { layoutCases } from './support/layout.ts';
import { matrixCases } from './support/matrix.ts';
import { ownCases } from './support/own.ts';
import { provider } from './support/provider.ts';
import { reductionCases } from './support/reduction.ts';
import { scatterCases } from './support/scatter.ts';
import { unaryCases } from './support/unary.ts';

const TABLE: readonly Case[] = [
  ...unaryCases,
  ...binaryCases,
  ...layoutCases,
  ...reductionCases,
  ...scatterCases,
  ...matrixCases,
  ...convolutionCases,
  ...imageCases,
  ...ownCases,
];

/**
 * Kernels that change or draw instead of computing (own.test.ts), those that need a sparse matrix (sparse.test.ts), and the
 * one that says when something is computed again (recomputed.test.ts).
 */
const ELSEWHERE = [
  'After',
  ...['AdamUpdate', 'KeepMask', 'LazyAdamUpdate', 'UniformNumbers'],
  ...['SparsePolynomial', 'SparsePolynomialOfRows'],
];

beforeAll(setUp);
afterAll(() => tf.setBackend('cpu'));

describe('the table', () => {
  it('has a row for every kernel', () => {
    const rows = new Set([...TABLE.map((row) => row.kernel), ...ELSEWHERE]);
    expect(supportedKernels().filter((name) => !rows.has(name))).toEqual([]);
  });

  it('has no row for a kernel that the backend lacks', () => {
    const kernels = new Set(supportedKernels());
    expect(TABLE.filter((row) => !kernels.has(row.kernel)).map((row) => row.kernel)).toEqual([]);
  });
});

const here = TABLE.filter(({ webgpu }) => provider !== 'webgpu' || !webgpu?.without);
const groups = [...new Set(here.map((row) => row.kernel))].map(
  (kernel) => [kernel, here.filter((row) => row.kernel === kernel)] as const,
);
describe.each(groups)('%s', (_kernel, rows) => {
  const first = rows.find((row) => (row.gradient?.length ?? 0) > 0);
  it.each(rows.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    await checkCase(row, row === first);
  });
});
