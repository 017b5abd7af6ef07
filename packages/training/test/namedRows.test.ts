import { selectBackend, tf } from '@ferry/engine';
import type { SafetensorsTensor } from '@ferry/nn';
import { beforeAll, expect, it } from 'vitest';
import { carryWeights, namedKinds, type NamedWeights, type RowRoles } from '../src/index.ts';

beforeAll(async () => {
  await selectBackend('cpu', { log: () => undefined });
});

const roles: RowRoles = {
  'items.**': { fixed: 1, kinds: ['items'] },
  'nodes.weight': { fixed: 0, kinds: ['users', 'items'] },
};
const names = { users: ['new', 'ann', 'bob'], items: ['d', 'c', 'b'] };
const stored = (shape: number[], data: number[]): SafetensorsTensor => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(data),
});
/** Of users bob and ann, and items a, b, c; what was found between epochs has no moments. */
const source = (more: Record<string, SafetensorsTensor> = {}): NamedWeights => ({
  path: 'runs/w',
  names: { users: ['bob', 'ann'], items: ['a', 'b', 'c'] },
  model: new Map(
    Object.entries({
      'items.ids.weight': stored([4, 2], [9, 9, 1, 2, 3, 4, 5, 6]),
      'items.bias': stored([4], [9, 1, 2, 3]),
      'nodes.weight': stored([5, 1], [10, 20, 30, 40, 50]),
      'layer.weight': stored([2, 2], [1, 2, 3, 4]),
      centres: stored([3], [7, 7, 7]),
      ...more,
    }),
  ),
  optimizer: new Map(['layer.weight', 'gone.weight'].map((name) => [`m.${name}`, stored([1], [0])])),
});
/** A fresh model of -1. */
function fresh(shapes: Record<string, number[]> = {}) {
  const all = {
    ...{ 'items.ids.weight': [4, 2], 'items.bias': [4], 'nodes.weight': [6, 1], 'layer.weight': [2, 2] },
    ...shapes,
  };
  const variables = new Map(
    Object.entries(all).map(([name, shape]) => [name, tf.variable(tf.fill(shape, -1))] as const),
  );
  return { parameters: () => variables, of: (name: string) => [...variables.get(name)!.dataSync()] };
}

it('rows go by ids, the first ones by their place, and new ids keep what they began with', async () => {
  const model = fresh();
  expect(await carryWeights(model, { roles, names }, source())).toEqual([
    { kind: 'items', known: 2, new: 1 },
    { kind: 'users', known: 2, new: 1 },
  ]);
  expect(model.of('items.ids.weight')).toEqual([9, 9, -1, -1, 5, 6, 3, 4]);
  expect(model.of('items.bias')).toEqual([9, -1, 3, 2]);
  expect(model.of('nodes.weight')).toEqual([-1, 20, 10, -1, 50, 40]);
  expect(model.of('layer.weight')).toEqual([1, 2, 3, 4]);
});

it('kinds are told of the weights that there are', () => {
  expect(namedKinds(roles, ['layer.weight'])).toEqual([]);
  expect(namedKinds(roles, ['items.bias', 'nodes.weight'])).toEqual(['items', 'users']);
});

it.each<[string, Record<string, number[]>, Record<string, SafetensorsTensor>, RegExp]>([
  ['another shape', { 'layer.weight': [2, 3] }, {}, /'layer.weight' must be F32 \[2, 3\], got F32 \[2, 2\]$/],
  [
    'wider rows',
    { 'items.ids.weight': [4, 3] },
    {},
    /'items.ids.weight' must be F32 \[4, 3\], got F32 \[4, 2\]/,
  ],
  [
    'a weight that is missing',
    { 'more.weight': [1] },
    {},
    /runs\/w does not fit the model: 'more.weight' is missing/,
  ],
  [
    'one that was trained and is no more',
    {},
    { 'gone.weight': stored([1], [1]) },
    /'gone.weight' is unknown/,
  ],
  ['several', { 'a.weight': [1], 'b.weight': [1] }, {}, /'a.weight' is missing \(and 1 more\)$/],
  [
    'ids that are not those of the rows',
    {},
    { 'items.bias': stored([5], [9, 1, 2, 3, 4]) },
    /runs\/w does not fit its ids: 'items.bias' has 5 rows, and there are 4/,
  ],
])('refuses %s, and changes nothing', async (_name, shapes, more, message) => {
  const model = fresh(shapes);
  await expect(carryWeights(model, { roles, names }, source(more))).rejects.toThrow(message);
  for (const name of model.parameters().keys()) expect(new Set(model.of(name)), name).toEqual(new Set([-1]));
});
