import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Standard error and exit status of a tool of the repository. */
function run(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { status, stderr };
}

it('docs/kernels.md is what the registry gives', () => {
  expect(run('tools/list-kernels.ts', '--check')).toMatchObject({ status: 0 });
});

it('the committed WebAssembly is what its sources give', () => {
  const { status, stderr } = run('tools/build-wasm.js', '--check');
  expect(stderr).not.toContain('Error');
  expect(status).toBe(0);
});
