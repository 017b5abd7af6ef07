import { defineKernel } from './define.ts';

defineKernel<{ shape: number[]; site: number; threshold: number }>(
  'KeepMask',
  (g, { key }, { shape, site, threshold }) =>
    g.op('KeepMask', [key!], 'float32', shape, { domain: 'host', attributes: { site, threshold } }),
);
defineKernel<{ shape: number[]; site: number }>('UniformNumbers', (g, { key }, { shape, site }) =>
  g.op('Uniform', [key!], 'float32', shape, { domain: 'host', attributes: { site } }),
);
defineKernel('AdamUpdate', (g, { value, m, v, gradient, control, scale }) =>
  g.many(
    'Adam',
    scale ? [value!, m!, v!, gradient!, control!, scale] : [value!, m!, v!, gradient!, control!],
    [value!, m!, v!].map(({ dtype, shape }) => ({ dtype, shape })),
    { domain: 'host' },
  ),
);
defineKernel('LazyAdamUpdate', (g, { value, m, v, rows, ids, control }) =>
  g.many(
    'LazyAdam',
    [value!, m!, v!, rows!, ids!, control!],
    [value!, m!, v!].map(({ dtype, shape }) => ({ dtype, shape })),
    { domain: 'host' },
  ),
);
defineKernel<{ epsilon: number }>('LayerNorm', (g, { x, gamma, beta }, { epsilon }) => {
  const statistics = [...x!.shape.slice(0, -1), 1];
  return g.many(
    'LayerNormalization',
    [x!, gamma!, beta!],
    [
      { dtype: 'float32', shape: x!.shape },
      { dtype: 'float32', shape: statistics },
      { dtype: 'float32', shape: statistics },
    ],
    { attributes: { axis: -1, epsilon: { float: epsilon }, stash_type: 1 } },
  );
});
// Of `rowCounts` (src/ops).
defineKernel('RowCounts', (g, { scores, own, from }) => {
  const [rows, columns] = scores!.shape as [number, number];
  const attributes = { rows, columns };
  return g.op('RowCounts', [scores!, own!, from!], 'float32', [3, rows], { domain: 'host', attributes });
});
