import { beforeAll, describe, it } from 'vitest';
import { registerOrtBackend } from '../src/index.ts';
import { checkLarge } from './support/large.ts';
import { LARGE } from './support/largeTable.ts';

// Every row in the size that threads share: minutes, most of them for the reference on tfjs's cpu backend. large.test.ts
// has one of each kernel.
beforeAll(() => {
  registerOrtBackend({ threads: 2 });
});

const groups = [...new Set(LARGE.map((row) => row.kernel))].map(
  (kernel) => [kernel, LARGE.filter((row) => row.kernel === kernel)] as const,
);
describe.each(groups)('%s', (_kernel, rows) => {
  it.each(rows.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    await checkLarge(row);
  });
});
