import { join } from 'node:path';
import { readRecords, type Domain } from '@ferry/data';
import type { FeatureMatrix } from '@ferry/features';

/** Rows of length 1; missing ones stay zero. */
function unitRows({ data, count, width }: FeatureMatrix): Float32Array {
  const unit = new Float32Array(data.length);
  for (let row = 0; row < count; row++) {
    let square = 0;
    for (let at = row * width; at < (row + 1) * width; at++) square += data[at]! * data[at]!;
    const scale = square === 0 ? 0 : 1 / Math.sqrt(square);
    for (let at = row * width; at < (row + 1) * width; at++) unit[at] = data[at]! * scale;
  }
  return unit;
}

/** An item near another. */
export interface Neighbour {
  /** Its index. */
  item: number;
  /** Cosine of the two. */
  cosine: number;
}

/** The nearest items of some items by cosine, without the item itself and those that lack the modality. */
export function nearest(matrix: FeatureMatrix, items: readonly number[], k: number): Neighbour[][] {
  const { count, width, present } = matrix;
  const unit = unitRows(matrix);
  return items.map((item) => {
    const best: Neighbour[] = [];
    for (let other = 0; other < count; other++) {
      if (other === item || present[other] === 0) continue;
      let cosine = 0;
      for (let at = 0; at < width; at++) cosine += unit[item * width + at]! * unit[other * width + at]!;
      if (best.length === k && cosine <= best[k - 1]!.cosine) continue;
      let place = best.length;
      while (place > 0 && best[place - 1]!.cosine < cosine) place--;
      best.splice(place, 0, { item: other, cosine });
      if (best.length > k) best.pop();
    }
    return best;
  });
}

/** Items of a matrix, spread evenly over those that have the modality. */
export function spread({ present }: FeatureMatrix, most: number): number[] {
  const have = [...present.keys()].filter((item) => present[item] === 1);
  const step = Math.max(1, have.length / most);
  return Array.from({ length: Math.min(most, have.length) }, (_, at) => have[Math.floor(at * step)]!);
}

/** Categories of the items, as `items.jsonl` states them; undefined where it states none. */
export async function categoriesOf(domain: Domain): Promise<Set<string>[] | undefined> {
  const records = await readRecords(join(domain.directory, 'items.jsonl'));
  if (!records) return undefined;
  const categories = records.map(({ category }) => {
    const words = Array.isArray(category)
      ? category.map(String)
      : typeof category === 'string'
        ? category.split(/[,|]/)
        : [];
    return new Set(words.map((word) => word.trim()).filter((word) => word !== ''));
  });
  return categories.length === domain.items.ids.length && categories.some(({ size }) => size > 0)
    ? categories
    : undefined;
}

/** How often near items share a category, and how often any two do. */
export interface Agreement {
  /** Share of the neighbours that share one. */
  near: number;
  /** Share of all other items that do: what chance gives. */
  chance: number;
  /** Items that were asked. */
  items: number;
}

/** Agreement of categories between items and their ten nearest. */
export function agreementOf(
  matrix: FeatureMatrix,
  categories: readonly ReadonlySet<string>[],
  most = 400,
): Agreement | undefined {
  const items = spread(matrix, most).filter((item) => categories[item]!.size > 0);
  if (items.length === 0) return undefined;
  const agree = (a: number, b: number): boolean =>
    [...categories[a]!].some((category) => categories[b]!.has(category));
  let [near, pairs, any, all] = [0, 0, 0, 0];
  for (const [at, own] of nearest(matrix, items, 10).entries()) {
    const item = items[at]!;
    for (const { item: other } of own)
      if (categories[other]!.size > 0) [near, pairs] = [near + Number(agree(item, other)), pairs + 1];
    for (let other = 0; other < matrix.count; other++)
      if (other !== item && matrix.present[other] === 1 && categories[other]!.size > 0)
        [any, all] = [any + Number(agree(item, other)), all + 1];
  }
  return pairs === 0 || all === 0
    ? undefined
    : { near: near / pairs, chance: any / all, items: items.length };
}
