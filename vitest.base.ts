import { defineConfig } from 'vitest/config';

/** Settings every package's tests share. `npm run test:slow` sets FERRY_SLOW and picks the slow tier instead. */
export default defineConfig({
  test: {
    include: process.env['FERRY_SLOW'] ? ['test/**/*.slow.test.ts'] : ['test/**/*.test.ts'],
    exclude: process.env['FERRY_SLOW'] ? [] : ['test/**/*.slow.test.ts'],
    // Most packages have no slow tests.
    passWithNoTests: Boolean(process.env['FERRY_SLOW']),
    testTimeout: 60_000,
    pool: 'forks',
  },
});
