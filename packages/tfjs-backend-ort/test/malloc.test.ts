import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Findings } from './support/malloc.ts';

const program = fileURLToPath(new URL('support/malloc.ts', import.meta.url));

/** Runs the program with some variables; none of the allocator's own is passed on. */
function run(variables: Record<string, string>) {
  const inherited = Object.entries(process.env).filter(([name]) => !/MALLOC|GLIBC_TUNABLES/.test(name));
  return spawnSync(process.execPath, ['--import', 'tsx', program], {
    encoding: 'utf8',
    env: { ...Object.fromEntries(inherited), ...variables },
  });
}

const findings = (variables: Record<string, string>): Findings =>
  JSON.parse(run(variables).stdout) as Findings;

const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };

it.skipIf(!header.glibcVersionRuntime)(
  'large interim tensors are not faulted in again at every call, and given back when their function has gone',
  () => {
    const { kept, reason, faults, pages, returned } = findings({});
    expect(reason).toMatch(/^glibc [\d.]+ keeps freed memory/);
    expect(kept).toBe(true);
    expect(faults).toBeLessThan(pages / 10);
    expect(returned).toBeGreaterThan((pages / 2) * 4096);
  },
);

it('FERRY_MALLOC=off leaves the allocator as it is, and so do settings of its own', () => {
  const off = findings({ FERRY_MALLOC: 'off' });
  expect(off).toMatchObject({ kept: false, reason: 'left alone: FERRY_MALLOC=off' });
  // What the first test would find without the settings.
  if (header.glibcVersionRuntime) expect(off.faults).toBeGreaterThan(off.pages * 0.9);
  const own = findings({ MALLOC_TRIM_THRESHOLD_: '131072' });
  expect(own).toMatchObject({ kept: false, reason: 'left alone: MALLOC_TRIM_THRESHOLD_ is set' });
  const tuned = findings({ GLIBC_TUNABLES: 'glibc.malloc.tcache_count=7:glibc.malloc.top_pad=131072' });
  expect(tuned).toMatchObject({ kept: false, reason: 'left alone: GLIBC_TUNABLES sets top_pad' });
});

it('another value of FERRY_MALLOC is an error', () => {
  expect(run({ FERRY_MALLOC: 'no' }).stderr).toContain("FERRY_MALLOC must be on or off, got 'no'");
});
