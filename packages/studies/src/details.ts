import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { InterestSizes } from '@ferry/sequential';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { readJson, replaceFile } from '@ferry/training';

/** Features that a run read: who made them, their width, and what making them cost where Ferry made them. */
export type FeaturesRead = Partial<Record<Modality, Pick<FeatureMatrix, 'encoder' | 'width' | 'extraction'>>>;

/** The best model of a run, looked at closely: `details.json` of its directory. What it ranked is in `rows/`. */
export interface RunDetails {
  /** Name of the domain. */
  readonly domain: string;
  /** How it was split; absent in runs of before it was kept. */
  readonly protocol?: string;
  /** The checkpoint that was looked at; absent in runs of before rows were kept. */
  readonly checkpoint?: string;
  /** Interests at the best checkpoint; null where the model has none. */
  readonly interests: InterestSizes | null;
  /** Features that it read; absent in runs of before this was kept. */
  readonly features?: FeaturesRead;
  /** In runs of before rows were kept: rank of each test row's target. */
  readonly ranks?: readonly number[];
  /** In runs of before rows were kept: training interactions of each test row's target. */
  readonly targetCounts?: readonly number[];
}

const file = (run: string): string => join(run, 'details.json');

/** Reads a run's details; undefined if there are none yet. */
export function readDetails(run: string): RunDetails | undefined {
  return existsSync(file(run)) ? (readJson(file(run)) as RunDetails) : undefined;
}

/** Writes a run's details, whole or not at all. */
export function writeDetails(run: string, details: RunDetails): void {
  replaceFile(file(run), `${JSON.stringify(details)}\n`);
}
