import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GroupMetrics } from '@ferry/evaluation';

/** How the interests of a run spread over the items of its domain. */
export interface InterestSizes {
  /** K. */
  readonly count: number;
  /** Items in each interest by modality, interests in order of falling total; [K] each. */
  readonly sizes: Readonly<Record<string, readonly number[]>>;
  /** Interests that hold tokens of more than one modality. */
  readonly mixed: number;
  /** How many equally large interests would be as spread out. */
  readonly effective: number;
}

/** The test of a fine-tuning run, looked at closely: `details.json` of its directory. */
export interface RunDetails {
  /** Name of the domain. */
  readonly domain: string;
  /** Rank of each test row's target, in the order of the test rows. */
  readonly ranks: readonly number[];
  /** Training interactions of each test row's target. */
  readonly targetCounts: readonly number[];
  /** Metrics by training interactions of the target. */
  readonly popularity: readonly GroupMetrics[];
  /** Metrics by length of the history. */
  readonly historyLength: readonly GroupMetrics[];
  /** Metrics by the modalities that the target has. */
  readonly modality: readonly GroupMetrics[];
  /** Interests at the best checkpoint; null where the model has none. */
  readonly interests: InterestSizes | null;
}

const file = (run: string): string => join(run, 'details.json');

/** Reads a run's details; undefined if there are none yet. */
export function readDetails(run: string): RunDetails | undefined {
  return existsSync(file(run)) ? (JSON.parse(readFileSync(file(run), 'utf8')) as RunDetails) : undefined;
}

/** Writes a run's details, whole or not at all. */
export function writeDetails(run: string, details: RunDetails): void {
  writeFileSync(`${file(run)}.tmp`, `${JSON.stringify(details)}\n`);
  renameSync(`${file(run)}.tmp`, file(run));
}
