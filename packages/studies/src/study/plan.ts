import type { ModelRegistry, Path, PretrainRecipe, StudyRecipe } from '@ferry/recipes';
import type { Section } from '@ferry/report';
import type { z } from 'zod';
import type { TargetRecipe } from '../jobs/target.ts';
import type { Axis, AxisValue, Place } from './axes.ts';
import type { NewsSections } from './newsTargets.ts';
import type { Measure, RowChoice, StudyResult } from './results.ts';

/** Where a job is made. */
export interface Placed {
  /** Its directory. */
  out: string;
}

/** A study and where it is made. */
export type PlacedStudy = StudyRecipe & Placed;

/** What a plan says of any run. */
export interface Planned {
  /** Its directory within the study, with slashes. */
  readonly name: string;
  /** Where the study's recipe says what the run's recipe has at a path. Default: at the same path. */
  readonly written?: (path: Path) => Path;
}

/** A run that others start from. */
export interface Preparation extends Planned {
  /** What it is, for lines of the log: `pre-training of k16, seed 1`. */
  readonly title: string;
  /** Name of its line in the chart of losses; undefined where a study has one. */
  readonly line?: string;
  /** The run's own recipe, its directory in `out`. */
  readonly recipe: PretrainRecipe & Placed;
}

/** A run whose test is a result of the study. */
export interface PlannedRun extends Planned {
  /** Where it stands. */
  readonly place: Place;
  /** Seed. */
  readonly seed: number;
  /** The preparation that must be done before. */
  readonly needs?: string;
  /** The run's own recipe, its directory in `out`. */
  readonly recipe: TargetRecipe & Placed;
}

/** A question that a study answers: what changes along an axis. Its answers are one family of tests. */
export interface PlannedComparison {
  /** The question as a heading: `What pre-training changed`. */
  readonly title: string;
  /** The axis. */
  readonly along: string;
  /** The value on it that the others are compared with. */
  readonly against: AxisValue['value'];
  /** On which test rows, a family of tests each. Default all, and those whose item is cold. */
  readonly rows?: readonly RowChoice[];
}

/** What a report's own sections are made from, besides the runs. */
export interface StudyFindings {
  /** What the study measures by. */
  readonly measure: Measure;
  /** The command that made it. */
  readonly command: string;
}

/** A domain that runs are tested on. */
export interface PlannedTarget {
  /** The part of a place that names it. */
  readonly place: Place;
  /** As recipes name it. */
  readonly reference: string;
}

/**
 * Ends a run of a search whose best validation value so far is below the median of what earlier runs of its model,
 * target and seed had on average until the same epoch (Golovin et al.: Google Vizier, KDD 2017, 3.2).
 */
export interface MedianRule {
  /** Runs that must have been made before it. */
  readonly runs: number;
  /** Epochs that every run has. */
  readonly epochs: number;
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
  /** When a run is ended for being worse than those before it; absent for never. */
  readonly medianRule?: MedianRule;
  /** What is compared with what. */
  readonly comparisons: readonly PlannedComparison[];
  /** Sections of the report that only this study has. */
  readonly sections?: (results: readonly StudyResult[], findings: StudyFindings) => Section[];
  /** The same of a study of news models. */
  readonly newsSections?: NewsSections<StudyResult>;
}

/** A kind of study: what its recipe looks like, and how it becomes a plan. */
export interface StudyDefinition<R extends StudyRecipe = StudyRecipe> {
  /** Its recipe; what only models can check is checked in the runs it plans. */
  readonly schema: z.ZodType<R>;
  /** Fills in the defaults of the models that the recipe names, as far as they can be told. Default: as it is. */
  fill?(recipe: R & Placed, models: ModelRegistry): Promise<R & Placed>;
  /**
   * The plan of a study. The settings of models and objectives in its runs may lack their defaults.
   *
   * @param recipe - With the study's directory in `out`.
   * @param name - Of the recipe.
   */
  plan(recipe: R & Placed, name: string): StudyPlan;
}
