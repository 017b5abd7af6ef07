import type { Domain } from '@ferry/data';
import type { FeatureSettings } from '@ferry/recipes';
import { expect, it } from 'vitest';
import { domainFeatures } from '../src/features.ts';

const matrix = {
  ...{ modality: 'text' as const, encoder: 'e', count: 6, width: 2 },
  data: Float32Array.of(1, 1, 2, 2, 0, 0, 4, 4, 5, 5, 6, 6),
  present: Uint8Array.of(1, 1, 0, 1, 1, 1),
};
const settings = (shuffle?: number): FeatureSettings => ({
  ...{ text: 'stored', image: 'none', damagedPictures: 'refuse' },
  shuffle,
});
const rows = async (shuffle?: number): Promise<number[]> => {
  const { text } = await domainFeatures({} as Domain, settings(shuffle), undefined, {
    stored: { text: matrix },
  });
  expect([...text!.present]).toEqual([...matrix.present]);
  return Array.from({ length: 6 }, (_, i) => text!.data[2 * i]!);
};

it('shuffled features are those of other items, the same for one seed; what is missing stays missing', async () => {
  expect(await rows()).toEqual([1, 2, 0, 4, 5, 6]);
  const shuffled = await rows(1);
  expect(shuffled).not.toEqual(await rows());
  expect(shuffled[2]).toBe(0);
  expect(shuffled.toSorted()).toEqual([0, 1, 2, 4, 5, 6]);
  expect(await rows(1)).toEqual(shuffled);
  expect(await rows(2)).not.toEqual(shuffled);
});
