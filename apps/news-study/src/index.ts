import { newsEvaluation } from '@ferry/nrms';
import { checkAxes, gridKeys, type GridRecipe } from '@ferry/recipes';
import { planGrid, type StudyDefinition } from '@ferry/studies';
import { z } from 'zod';
import { defectBlocks } from './defects.ts';
import { defectAxis, experimentAxis, noDefect } from './experiments.ts';
import { floorBlocks, questionBlocks } from './questions.ts';
import { thesisBlocks } from './thesis.ts';

/**
 * A recipe of the news study: a grid of news models along any axes, among them perhaps one of the thesis's experiments
 * and, with it, one of defects.
 */
const newsSchema = z
  .strictObject({ ...gridKeys, evaluation: newsEvaluation.prefault({}).describe('how results are measured') })
  .superRefine((recipe, context) => {
    checkAxes(recipe, context);
    const { [experimentAxis]: experiment, [defectAxis]: defect } = recipe.axes;
    const problem = (path: string[], message: string): void => {
      context.addIssue({ code: 'custom', path, message });
    };
    const rule = 'named values that begin with the number of an experiment, 1 to 4';
    if (experiment === undefined) {
      if (defect !== undefined)
        problem(['axes'], `must have an axis ${experimentAxis} beside ${defectAxis}: ${rule}`);
    } else if (Array.isArray(experiment)) problem(['axes', experimentAxis], `must be ${rule}`);
    else
      for (const name of Object.keys(experiment))
        if (!/^[1-4]/.test(name))
          problem(['axes', experimentAxis, name], `must begin with 1, 2, 3 or 4, got ${name}`);
    if (defect !== undefined && (Array.isArray(defect) || !(noDefect in defect)))
      problem(
        ['axes', defectAxis],
        `must be named values with ${noDefect} among them, which the others are compared with`,
      );
    // An evaluation of impressions stands where a grid has one of rankings; only runs of news models read it.
  }) as unknown as z.ZodType<GridRecipe>;

/**
 * Models of news beside one another and beside what needs no training. With an axis of experiments the thesis's four are
 * asked again: encoders joint or separate, frozen or tuned, with or without pictures, and what each defect of published
 * code alone does to each metric.
 */
export const newsStudy: StudyDefinition<GridRecipe> = {
  schema: newsSchema,
  plan(recipe, name) {
    const plan = planGrid(recipe, name);
    const { axes } = plan;
    return {
      ...plan,
      title: `Multimodal news recommendation: ${name}`,
      comparisons: recipe.compare ? plan.comparisons : [],
      newsSections: (results, findings) => {
        const sections = recipe.axes[experimentAxis]
          ? [
              { title: 'The three questions', blocks: questionBlocks(axes, results, findings) },
              { title: 'What each defect does', blocks: defectBlocks(axes, results, findings) },
              { title: 'The thesis’s numbers', blocks: thesisBlocks(results, findings) },
            ]
          : [{ title: 'Against what needs no training', blocks: floorBlocks(axes, results, findings) }];
        return sections.filter(({ blocks }) => blocks.length > 0);
      },
    };
  },
};
