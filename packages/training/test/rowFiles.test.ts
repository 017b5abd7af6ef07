import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listRows, readRows, writeRows } from '../src/index.ts';

it('row files keep typed arrays and what they are, whole or not at all', async () => {
  const run = mkdtempSync(join(tmpdir(), 'ferry-rows-'));
  try {
    expect([await readRows(run, 'test'), listRows(run)]).toEqual([undefined, []]);
    const file = {
      arrays: {
        better: Int32Array.of(3, 0, 2 ** 30),
        score: Float32Array.of(0.5, -1, 2),
        has: Uint8Array.of(0, 255, 7),
      },
      meta: { domain: 'Zürich "x"', split: 'test' },
    };
    await writeRows(run, 'test', file);
    await writeRows(run, 'valid', { arrays: { better: new Int32Array(0) }, meta: {} });
    expect(await readRows(run, 'test')).toEqual(file);
    expect(listRows(run)).toEqual(['test', 'valid']);
    writeFileSync(join(run, 'rows', 'valid.safetensors'), 'cut');
    await expect(readRows(run, 'valid')).rejects.toThrow(/valid\.safetensors/);
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
});
