import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;
const here = process.cwd();

/**
 * Where each test file has a process of its own: they choose backends and settings of the environment, which a process
 * has once. Elsewhere what is imported stays for the next file: half of the time of most packages' tests was importing.
 */
const alone = ['apps/cli', 'packages/engine', 'packages/tfjs-backend-ort'];
const folder = relative(root, here);

/** Tests that need an adapter, for `npm run test:webgpu`. */
const onDevice = process.env['FERRY_TEST_BACKENDS'] === 'ort:webgpu';

/** What is installed: with anything else, nothing that was kept is read. */
const installed = createHash('sha256')
  .update(readFileSync(join(root, 'node_modules/.package-lock.json')))
  .digest('hex')
  .slice(0, 12);

/**
 * Settings every package's tests share, and the same in all: a source that one package's tests have compiled is kept for
 * those of the next. `npm run test:slow` sets FERRY_SLOW and picks the slow tier instead.
 */
export default defineConfig({
  cacheDir: join(here, 'node_modules/.vite'),
  test: {
    root,
    dir: here,
    include: process.env['FERRY_SLOW'] ? ['test/**/*.slow.test.ts'] : ['test/**/*.test.ts'],
    exclude: [
      ...(process.env['FERRY_SLOW'] ? [] : ['test/**/*.slow.test.ts']),
      ...(onDevice ? [] : ['test/**/*.webgpu.test.ts']),
    ],
    // Most packages have no slow tests.
    passWithNoTests: Boolean(process.env['FERRY_SLOW']),
    // A device that is a program compiles shaders for half a minute.
    testTimeout: onDevice ? 600_000 : 60_000,
    // Small operations gain nothing from a second thread, and two packages are tested side by side: one thread each, but
    // where a test is about threads and says how many.
    env: { FERRY_THREADS: process.env['FERRY_THREADS'] ?? '1' },
    pool: 'forks',
    isolate: alone.includes(folder),
    // Two files at a time, also on two cores: they wait for commands most of the time.
    ...(folder === 'apps/cli' && { maxWorkers: 2 }),
    experimental: {
      fsModuleCache: true,
      fsModuleCachePath: join(root, 'node_modules/.cache/vitest', installed),
    },
  },
});
