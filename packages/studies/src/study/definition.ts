import type { StudyRecipe } from '@ferry/recipes';
import type { StudyPlan } from './plan.ts';

/** A study and where it is made. */
export type PlacedStudy = StudyRecipe & { out: string };

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
