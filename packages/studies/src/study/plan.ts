import type { FinetuneRecipe, PretrainRecipe, StudyRecipe } from '@ferry/recipes';
import type { Section } from '@ferry/report';
import type { Axis, Place } from './axes.ts';
import type { StudyResult } from './results.ts';

/** Where a job is made. */
export interface Placed {
  /** Its directory. */
  out: string;
}

/** A study and where it is made. */
export type PlacedStudy = StudyRecipe & Placed;

/** A run that others start from. */
export interface Preparation {
  /** Its directory within the study, with slashes. */
  readonly name: string;
  /** What it is, for lines of the log: `pre-training of k16, seed 1`. */
  readonly title: string;
  /** Name of its line in the chart of losses; undefined where a study has one. */
  readonly line?: string;
  /** The run's own recipe, its directory in `out`. */
  readonly recipe: PretrainRecipe & Placed;
}

/** A run whose test is a result of the study. */
export interface PlannedRun {
  /** Its directory within the study, with slashes. */
  readonly name: string;
  /** Where it stands. */
  readonly place: Place;
  /** Seed. */
  readonly seed: number;
  /** The preparation that must be done before. */
  readonly needs?: string;
  /** The run's own recipe, its directory in `out`. */
  readonly recipe: FinetuneRecipe & Placed;
}

/** A question that a study answers: what changes along an axis. Its answers are one family of tests. */
export interface PlannedComparison {
  /** The question as a heading: `What pre-training changed`. */
  readonly title: string;
  /** The axis. */
  readonly along: string;
  /** The value on it that the others are compared with. */
  readonly against: string | boolean;
}

/** A domain that runs are tested on. */
export interface PlannedTarget {
  /** The part of a place that names it. */
  readonly place: Place;
  /** As recipes name it. */
  readonly reference: string;
}

/** A study as data: everything that running, resuming, tables, curves and the report need to know of it. */
export interface StudyPlan {
  /** Heading of the report. */
  readonly title: string;
  /** What is asked, in a sentence. */
  readonly summary: string;
  /** What varies; the first axis groups the table. */
  readonly axes: readonly Axis[];
  /** Source domains, as recipes name them. */
  readonly sources: readonly string[];
  /** Target domains. */
  readonly targets: readonly PlannedTarget[];
  /** Runs that others start from. */
  readonly preparations: readonly Preparation[];
  /** Runs in the order they are done. */
  readonly runs: readonly PlannedRun[];
  /** What is compared with what. */
  readonly comparisons: readonly PlannedComparison[];
  /** Sections of the report that only this study has. */
  readonly sections?: (results: readonly StudyResult[]) => Section[];
}

/** A kind of study: how its recipe becomes a plan. */
export interface StudyDefinition {
  /**
   * The plan of a study.
   *
   * @param recipe - With the study's directory in `out`.
   * @param name - Of the recipe.
   */
  readonly plan: (recipe: PlacedStudy, name: string) => StudyPlan;
}
