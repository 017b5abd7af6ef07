import { InputError } from '@ferry/data';
import type { FeatureMatrix } from './types.ts';

/**
 * The mask of a matrix: a row of zeros is a missing item (the convention of MISSRec's files), any other row is
 * present.
 *
 * @param data - Rows, Float32 [R * F].
 * @param width - F.
 * @param file - File to name in errors.
 * @param first - Number of the first row, for errors.
 * @returns 1 for present rows. Uint8 [R].
 * @throws InputError naming file, row and column of the first NaN or infinite value.
 */
export function presentRows(data: Float32Array, width: number, file: string, first = 0): Uint8Array {
  const present = new Uint8Array(data.length / width);
  for (let row = 0; row < present.length; row++)
    for (let column = 0; column < width; column++) {
      const value = data[row * width + column]!;
      if (!Number.isFinite(value))
        throw new InputError(
          file,
          undefined,
          `features must be finite, got ${value} in row ${first + row}, column ${column} (rows count from 0)`,
        );
      if (value !== 0) present[row] = 1;
    }
  return present;
}

/** How many items have the modality. */
export function presentCount(features: Pick<FeatureMatrix, 'present'>): number {
  return features.present.reduce((total, flag) => total + flag, 0);
}

/** Picks a plural. */
function count(number: number, one: string, many: string): string {
  return `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;
}

/**
 * One line for people: which encoder, how wide, how many items have the modality and how many lack it. What there is to
 * know besides stands in the notes.
 *
 * @example `text features: use-lite, 512 wide, 4,382 of 4,385 items (3 missing)`
 */
export function featureSummary(features: FeatureMatrix): string {
  const have = presentCount(features);
  const missing = features.count - have;
  const coverage =
    missing === 0
      ? `all ${count(features.count, 'item', 'items')}`
      : `${have.toLocaleString('en-US')} of ${count(features.count, 'item', 'items')} ` +
        `(${missing.toLocaleString('en-US')} missing)`;
  const line = `${features.modality} features: ${features.encoder}, ${features.width} wide, ${coverage}`;
  return features.advice === undefined ? line : `${line}; ${features.advice}`;
}

/** {@link featureSummary}, and a line for each note. */
export function describeFeatures(features: FeatureMatrix): string[] {
  return [featureSummary(features), ...(features.notes ?? [])];
}
