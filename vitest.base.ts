import { defineConfig } from 'vitest/config';

/** Settings every package's tests share. `npm run test:slow` sets FERRY_SLOW and picks the slow tier instead. */
export default defineConfig({
  test: {
    include: process.env['FERRY_SLOW'] ? ['test/**/*.slow.test.ts'] : ['test/**/*.test.ts'],
    exclude: process.env['FERRY_SLOW'] ? [] : ['test/**/*.slow.test.ts'],
    // Most packages have no slow tests.
    passWithNoTests: Boolean(process.env['FERRY_SLOW']),
    testTimeout: 60_000,
    // Small operations gain nothing from a second thread, and two packages are tested side by side: one thread each, but
    // where a test is about threads and says how many.
    env: { FERRY_THREADS: process.env['FERRY_THREADS'] ?? '1' },
    pool: 'forks',
    // What is imported stays for the next file: half of the time of most packages' tests was importing.
    isolate: false,
  },
});
