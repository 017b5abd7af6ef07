import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readDomain } from '@ferry/data';
import { loadFeatures, presentCount } from '@ferry/features';
import { writeGenerated } from '../../data/test/generated.ts';

/*
 * What real.test.ts asks of published features, of generated ones that are always there; by numpy:
 * tools/parity/published.py.
 */

const root = mkdtempSync(join(tmpdir(), 'ferry-generated-'));
beforeAll(() => {
  writeGenerated(root);
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

it.each([
  ['text', ['6.2152', '6.8885']],
  ['image', ['6.1532', '6.8398']],
] as const)(
  '%s features of a generated domain have the norms and repeats that numpy finds',
  async (modality, range) => {
    const features = await loadFeatures(await readDomain(root), modality, { width: 512 });
    expect([features.count, features.width, presentCount(features)]).toEqual([120, 512, 120]);
    const rows = Array.from({ length: 120 }, (_, row) => features.data.subarray(row * 512, (row + 1) * 512));
    const norms = rows.map((row) => Math.hypot(...row));
    expect([Math.min(...norms), Math.max(...norms)].map((norm) => norm.toFixed(4))).toEqual(range);
    expect(120 - new Set(rows.map((row) => row.join())).size).toBe(10);
  },
);
