import type { Section } from '@ferry/report';
import type { Place } from './axes.ts';

/** Values of impressions by metric, in the order of the impressions. */
export type MetricValues = Readonly<Record<string, ArrayLike<number>>>;

/** What needs no training of a model got on the test of a target. */
export interface NewsFloor {
  /** The part of a place that names the target. */
  readonly place: Place;
  /** What it is. */
  readonly name: string;
  /** Of each impression. */
  readonly values: MetricValues;
}

/** A target as it was measured. */
export interface NewsTarget {
  /** The part of a place that names the target. */
  readonly place: Place;
  /** How its impressions were parted. */
  readonly protocol: string;
  /** N */
  readonly news: number;
  /** Impressions of the test. */
  readonly impressions: number;
  /** What needs no training. */
  readonly floors: readonly NewsFloor[];
}

/** What the sections of a study of news models are made from, besides its runs. */
export interface NewsFindings {
  /** The command that made it. */
  readonly command: string;
  /** What was measured on. */
  readonly targets: readonly NewsTarget[];
}

/** Sections of a report that only one study of news models has. */
export type NewsSections<R> = (results: readonly R[], findings: NewsFindings) => Section[];
