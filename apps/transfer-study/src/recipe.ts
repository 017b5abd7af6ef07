import {
  checkStudy,
  distinct,
  domains,
  finetuningSchema,
  pretrainingSchema,
  studyKeys,
} from '@ferry/recipes';
import { z } from 'zod';

/** Where the fine-tuning runs of a study start, in the order of its table. */
export const studyStarts = ['scratch', 'pre-trained', 'pre-trained-full'] as const;

const { job, study, description, needs, takes, targets, seeds, baselines, out, backend, threads } = studyKeys;

/** A recipe of the transfer study. */
export const transferSchema = z
  .strictObject({
    ...{ job, study, description, needs, takes },
    sources: domains.default([]).describe('source domains, pre-trained on together'),
    targets,
    starts: distinct(z.enum(studyStarts))
      .min(1)
      .default(['scratch', 'pre-trained'])
      .describe(
        'where fine-tuning starts; pre-trained tunes what finetuning.tune says, pre-trained-full every weight',
      ),
    ids: distinct(z.boolean()).min(1).default([true, false]).describe('with item IDs, without, or both'),
    ...{ seeds, baselines, out, backend, threads },
    features: studyKeys.features,
    model: studyKeys.model,
    variants: z
      .record(
        z.string().regex(/^[A-Za-z0-9][\w.-]*$/, { error: 'must be a name of letters, digits and . - _' }),
        z.looseObject({}),
      )
      .optional()
      .describe(
        'models to compare, by name: settings of model that each replaces, such as { k16: { interests: { count: ' +
          '16 } } }; one with another name of its own begins with nothing, and has its own pretraining and ' +
          'finetuning',
      ),
    pretraining: pretrainingSchema.prefault({}),
    finetuning: finetuningSchema.prefault({}),
    evaluation: studyKeys.evaluation,
  })
  .superRefine((recipe, context) => {
    checkStudy(recipe, context);
    const problem = (path: (string | number)[], message: string): void => {
      context.addIssue({ code: 'custom', path, message });
    };
    const start = recipe.starts.find((other) => other !== 'scratch');
    if (start !== undefined && recipe.sources.length === 0)
      problem(['sources'], `must name at least one domain when starts has '${start}', got none`);
    if (recipe.variants && Object.keys(recipe.variants).length === 0)
      problem(['variants'], 'must name at least one model, got none');
  });

/** A recipe of the transfer study, defaults filled in. */
export type TransferRecipe = z.output<typeof transferSchema>;
