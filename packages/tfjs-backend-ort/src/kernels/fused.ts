import { scratchOf } from '../runtime/nearestKernel.ts';
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
// Of `after` (src/ops): x in the shape it has, which is worked out from the other's, and so once that is there.
defineKernel('After', (g, { x, other }) => {
  const { shape, dtype } = x!;
  const length = g.op(
    'Gather',
    [g.op('Shape', [other!], 'int64', [other!.shape.length]), g.int64([0])],
    'int64',
    [1],
  );
  const nothing = g.op('Mul', [length, g.int64([0])], 'int64', [1]);
  const same = g.op('Add', [nothing, g.int64(shape)], 'int64', [shape.length]);
  return g.op('Expand', [x!, same], dtype, shape);
});
// Of `rowCounts` (src/ops).
defineKernel('RowCounts', (g, { scores, own, from }) => {
  const [rows, columns] = scores!.shape as [number, number];
  const attributes = { rows, columns };
  return g.op('RowCounts', [scores!, own!, from!], 'float32', [3, rows], { domain: 'host', attributes });
});

// Of `nearestDistances` (src/ops).
defineKernel<{ k: number; kept: number; tolerance: number }>(
  'NearestDistances',
  (g, { products, norms, columnNorms }, { k, kept, tolerance }) => {
    const [rows, columns] = products!.shape as [number, number];
    const outputs = [[rows, 3 + 2 * kept], [scratchOf(columns)]].map((shape) => ({
      dtype: 'float32' as const,
      shape,
    }));
    return g.many('NearestDistances', [products!, norms!, columnNorms!], outputs, {
      domain: 'host',
      attributes: { rows, columns, k, kept, tolerance },
    });
  },
);
