import type { ItemTowerOptions, Report } from '@ferry/sequential';
import { z } from 'zod';

/** A number of units, layers, positions. */
export const size = z.int().min(1);

/** A rate of dropout. */
export const share = z.number().min(0).lt(1);

/** Settings of a recipe over those of their preset: what is not given, or given as undefined, is the preset's. */
export function withPreset<Name extends string, Given extends { preset: Name }, Preset extends object>(
  presets: Readonly<Record<Name, Preset>>,
  given: Given,
): Preset & Given {
  const stated = Object.fromEntries(
    Object.entries<unknown>(given).filter(([, value]) => value !== undefined),
  );
  return { ...presets[given.preset], ...stated } as Preset & Given;
}

/** Attention cuts vectors into a part for each head. */
interface Heads {
  width: number;
  heads: number;
}

/** Reports heads that do not divide the width, before any work. */
export function checkHeads({ width, heads }: Heads, problem: Report): void {
  if (width % heads !== 0) problem(['heads'], `must divide the width ${width}, got ${heads}`);
}

/** Refuses such heads where settings did not come from a recipe. */
export function requireHeads(model: string, { width, heads }: Heads): void {
  if (width % heads !== 0)
    throw new RangeError(`${model}: heads must divide the width ${width}, got ${heads}`);
}

/** What a model says of the item tower in its setting `tower`. */
export const ofTower = {
  idsAt: 'tower.ids',
  modalities: ({ tower }: { tower: ItemTowerOptions }) =>
    tower.features ? (['text', 'image'] as const) : [],
};

/** Weights of the item tower that a source may lack. */
export const towerFeatures = ['items.text.**', 'items.image.**', 'items.join.**'];
