import { z } from 'zod';
import {
  about,
  checkMetric,
  domain,
  evaluationSchema,
  featuresSchema,
  optimiser,
  place,
  seed,
  whole,
} from './parts.ts';

const { text } = featuresSchema.shape;

/** `job: train`: any model on one domain. Settings of the model and its objective are checked by {@link trainSchemaOf}. */
export const trainSchema = z.strictObject({
  job: z.literal('train').describe('train a model on one domain'),
  ...about,
  target: domain.describe('the domain: a directory or file, $FERRY_DATA/…, or sample-world:<name>'),
  seed,
  ...place,
  features: featuresSchema
    .extend({ text: text.unwrap().default('none').describe(text.description!) })
    .prefault({}),
  model: z
    .looseObject({ name: z.string().min(1).describe('the model: see ferry models') })
    .describe('the model and its settings'),
  objective: z
    .looseObject({
      name: z.string().min(1).optional().describe("what it is trained by; default the model's first"),
    })
    .prefault({}),
  training: z
    .strictObject({
      epochs: whole(1).default(200).describe('most epochs'),
      batchSize: whole(1).default(256).describe('B: examples in a batch'),
      ...optimiser,
      patience: whole(0)
        .nullable()
        .default(10)
        .describe('epochs without a better validation value (evaluation.metric) that are borne; null = all'),
      checkpointEvery: whole(1)
        .optional()
        .describe('steps between checkpoints within an epoch; default: one after each epoch'),
    })
    .prefault({}),
  evaluation: evaluationSchema.prefault({}),
});

/** What the schema of a training needs to know of a model. */
export interface ModelSchemas {
  /** Its name. */
  readonly name: string;
  /** Its settings, a zod object. */
  readonly options: z.ZodType;
  /** Its objectives by name, the first the default; the settings of each are a zod object. */
  readonly objectives: Readonly<Record<string, { readonly options: z.ZodType }>>;
}

/**
 * The schema of trainings of one model by one objective: the model's own schemas check, explain and complete their sections.
 *
 * @param objective - Default the model's first.
 * @throws Error if the model has no such objective, or a schema is no zod object.
 */
export function trainSchemaOf(model: ModelSchemas, objective?: string): z.ZodType {
  const names = Object.keys(model.objectives);
  const chosen = objective ?? names[0]!;
  const definition = model.objectives[chosen];
  if (!definition)
    throw new Error(`objective.name must be one of ${names.join(', ')} for ${model.name}, got ${chosen}`);
  const named = (schema: z.ZodType, name: z.ZodType, of: string): z.ZodType => {
    if (!(schema instanceof z.ZodObject)) throw new Error(`the settings of ${of} must be a zod object`);
    return z.strictObject({ name, ...(schema.shape as Record<string, z.ZodType>) });
  };
  return trainSchema
    .extend({
      model: named(model.options, z.literal(model.name).describe('the model'), model.name),
      objective: named(
        definition.options,
        z
          .enum(names as [string, ...string[]])
          .default(chosen)
          .describe('what it is trained by'),
        `the objective ${chosen}`,
      ).prefault({}),
    })
    .superRefine((recipe, context) => {
      checkMetric(recipe.evaluation, (path, message) => {
        context.addIssue({ code: 'custom', path, message });
      });
    });
}
