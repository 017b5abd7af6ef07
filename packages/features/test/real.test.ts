import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDomain } from '@ferry/data';
import { featureSummary, loadFeatures, parseNpy, presentCount, unpackNpz } from '@ferry/features';
import { hasRealData, realData } from './helpers.ts';

describe.skipIf(!hasRealData)('real features (skipped: no data in FERRY_DATA)', () => {
  it('finds what is known of the CLIP features of Scientific', async () => {
    const domain = await readDomain(join(realData, 'amazon-scientific-clip'));
    const repeats: number[] = [];
    for (const modality of ['text', 'image'] as const) {
      const features = await loadFeatures(domain, modality, { width: 512 });
      expect([features.count, features.width, presentCount(features)]).toEqual([1585, 512, 1585]);
      const rows = new Set<string>();
      const norms: number[] = [];
      for (let row = 0; row < features.count; row++) {
        const values = features.data.subarray(row * 512, (row + 1) * 512);
        rows.add(values.join());
        norms.push(Math.hypot(...values));
      }
      repeats.push(features.count - rows.size);
      // Not normalised: text norms 6.2 to 10.2, image norms 7.7 to 13.0.
      expect([Math.min(...norms).toFixed(1), Math.max(...norms).toFixed(1)]).toEqual(
        modality === 'text' ? ['6.2', '10.2'] : ['7.7', '13.0'],
      );
    }
    expect(repeats).toEqual([10, 63]);
  });

  it('shares those features with a domain that names rows of them', async () => {
    const domain = await readDomain(join(realData, 'domains/scientific18'));
    const features = await loadFeatures(domain, 'image', {
      file: join(realData, 'amazon-scientific-clip/Scientific.feat3CLS'),
      byClipRow: true,
      width: 512,
    });
    expect(featureSummary(features)).toBe(
      'image features: Scientific.feat3CLS, 512 wide, 1,585 of 4,385 items (2,800 missing)',
    );
  });

  it('reads the archives of Last.fm', async () => {
    for (const [name, width] of [
      ['img', 512],
      ['txt', 384],
    ] as const) {
      const file = join(realData, `lastfm2k-mm/Lastfm2k.${name}.npz`);
      expect(parseNpy((await unpackNpz(await readFile(file), file)).get('arr_0')!, file).shape).toEqual([
        1425,
        width,
      ]);
    }
  });
});
