import { missRecOptions, type MissRecOptions, type MissRecSettings } from '../src/index.ts';

export { worldFeatures, worldRows } from '../../sequential/test/world.ts';

/** Small options for that world. */
export function worldOptions(more: Partial<MissRecSettings> = {}): MissRecOptions {
  return missRecOptions({
    featureWidths: { text: 6, image: 6 },
    width: 8,
    heads: 2,
    inner: 6,
    positions: 8,
    dropout: 0.2,
    interestCount: 4,
    ...more,
  });
}
