import { z } from 'zod';
import { settingsIn, withIds, type ModelSchemas, type RecipeFacts, type Task } from './models.ts';
import { isModelFile } from './names.ts';
import {
  checkJob,
  finetuneSchema,
  finetuningSchema,
  pretrainSchema,
  pretrainingSchema,
  recipeSchema,
  trainSchema,
  type RunRecipe,
} from './schema.ts';

/** The section of a job that says how it trains, and the task it trains for. */
const sections = {
  pretrain: { key: 'pretraining', task: 'pretrain' },
  finetune: { key: 'finetuning', task: 'finetune' },
  train: { key: 'training', task: 'finetune' },
} as const;

/** The parts of a recipe, wherever its job keeps them. */
export interface RecipeParts {
  /** What the model is made for. */
  readonly task: Task;
  /** The model's settings, with IDs as the job wants them. */
  readonly model: object;
  /** Name of the objective. */
  readonly objective: string;
  /** The objective's settings. */
  readonly settings: object;
}

function shapeOf(schema: z.ZodType, of: string): Record<string, z.ZodType> {
  if (!(schema instanceof z.ZodObject)) throw new Error(`the settings of ${of} must be a zod object`);
  return schema.shape;
}

/** The default objective of a model for a task. */
export function defaultObjective({ objectives, objectiveOf }: ModelSchemas, task: Task): string {
  return objectiveOf?.[task] ?? Object.keys(objectives)[0]!;
}

/** What the sections of a recipe mean for its model. */
export function recipeParts(recipe: RunRecipe, model: ModelSchemas): RecipeParts {
  const { task } = sections[recipe.job];
  const given = settingsIn(recipe.model);
  if (recipe.job === 'train') {
    const { name = defaultObjective(model, task), ...settings } = recipe.objective;
    return { task, model: given, objective: name, settings };
  }
  const [section, own] =
    recipe.job === 'pretrain'
      ? [recipe.pretraining, pretrainingSchema.shape]
      : [recipe.finetuning, finetuningSchema.shape];
  const settings = Object.fromEntries(Object.entries(section).filter(([key]) => !(key in own)));
  return {
    task,
    model: withIds(model, given, recipe.job === 'finetune' && recipe.ids),
    objective: section.objective ?? defaultObjective(model, task),
    settings,
  };
}

/** A model's settings without the one for IDs, which these jobs have a key of their own for. */
function withoutIds(schema: z.ZodObject, key: string | undefined, job: string): z.ZodObject {
  if (key === undefined) return schema;
  const [first, ...rest] = key.split('.') as [string, ...string[]];
  const { [first]: member, ...others } = schema.shape as Record<string, z.ZodType>;
  if (member === undefined) return schema;
  if (rest.length > 0) {
    const inner = member instanceof z.ZodPrefault ? (member.unwrap() as z.ZodType) : member;
    if (!(inner instanceof z.ZodObject)) return schema;
    const left = withoutIds(inner, rest.join('.'), job);
    return z.strictObject({ ...schema.shape, [first]: left.prefault({}).describe(member.description ?? '') });
  }
  const rule =
    job === 'finetune'
      ? 'must be left out: in this job the key ids of the recipe says it'
      : 'must be left out: sources share no items, so pre-training is without IDs';
  return z.strictObject({
    ...others,
    [first]: z
      .any()
      .optional()
      .superRefine((value, context) => {
        if (value !== undefined) context.addIssue({ code: 'custom', message: rule });
      }),
  });
}

/** A section with the settings of an objective in it. */
function trainingSection(
  frame: z.ZodObject,
  model: ModelSchemas,
  chosen: string,
  more: Record<string, z.ZodType> = {},
): z.ZodType {
  const names = Object.keys(model.objectives) as [string, ...string[]];
  const settings = shapeOf(model.objectives[chosen]!.options, `the objective ${chosen}`);
  const twice = Object.keys(settings).find((key) => key in frame.shape);
  if (twice !== undefined)
    throw new Error(`the objective ${chosen} of ${model.name} must not have a setting '${twice}'`);
  const objective = z.enum(names).default(chosen).describe('what it is trained by');
  return z.strictObject({ ...frame.shape, ...more, objective, ...settings });
}

/** Rules that only the model knows, and those between it and the features. */
function checkModel(
  recipe: RunRecipe,
  model: ModelSchemas,
  problem: (path: (string | number)[], message: string) => void,
): void {
  const parts = recipeParts(recipe, model);
  const { task, objective, settings } = parts;
  const { features } = recipe;
  const modalities = (['text', 'image'] as const).filter((modality) => features[modality] !== 'none');
  const carried = recipe.job === 'pretrain' || (recipe.job === 'finetune' && recipe.from !== null);
  const ids = recipe.job === 'finetune' ? recipe.ids : recipe.job === 'train';
  const trained = modalities.filter((modality) => features[modality] === 'trained');
  const facts: RecipeFacts = { task, modalities, trained, ids };
  let found = 0;
  const own = (path: (string | number)[], message: string): void => {
    found++;
    problem(path, message);
  };
  model.check?.(parts.model, facts, (key, message) => {
    own(['model', ...key], message);
  });
  const section = recipe.job === 'train' ? 'objective' : sections[recipe.job].key;
  model.objectives[objective]!.check?.(settings, facts, (key, message) => {
    own([section, ...key], message);
  });
  if (recipe.job !== 'train' && modalities.length === 0) {
    if (carried) own(['features'], 'must have a text or an image encoder for pre-training, got none of both');
    else if (!ids)
      own(['features'], 'must have a text or an image encoder where items have no IDs, got none of both');
  }
  if (recipe.job === 'finetune' && !recipe.ids && model.idsAt === undefined)
    own(['ids'], `must be true: ${model.title} has no setting for items without IDs`);
  if (found > 0) return;
  let options: object;
  try {
    // Widths are not known before the features are.
    const featureWidths = Object.fromEntries(modalities.map((modality) => [modality, 1]));
    options = model.complete?.(parts.model, { task, featureWidths }) ?? parts.model;
  } catch (error) {
    own(['model'], (error as Error).message);
    return;
  }
  if (carried && model.modalities(options).length === 0)
    own(
      ['model'],
      'must know items by their features, or nothing of what it learns can be carried to other items: ' +
        `${model.title} with these settings knows them by ID alone`,
    );
}

/** The job and the objective of a recipe that is yet to be checked. */
interface Named {
  readonly job?: unknown;
  readonly objective?: { readonly name?: unknown } | null;
  readonly pretraining?: { readonly objective?: unknown } | null;
  readonly finetuning?: { readonly objective?: unknown } | null;
}

/**
 * The schema of a recipe of one run: the schemas of its model and its objective check, explain and complete their sections.
 *
 * @param recipe - As it was written: tells job and objective. An objective that the model does not have is left for the
 *   schema to find.
 * @param model - The model it names.
 */
export function wholeSchema(recipe: Named, model: ModelSchemas): z.ZodType<RunRecipe> {
  const job = recipe.job as RunRecipe['job'];
  if (!Object.hasOwn(sections, job)) return recipeSchema as unknown as z.ZodType<RunRecipe>;
  const { task } = sections[job];
  const named =
    job === 'train'
      ? recipe.objective?.name
      : (job === 'pretrain' ? recipe.pretraining : recipe.finetuning)?.objective;
  const chosen =
    typeof named === 'string' && Object.hasOwn(model.objectives, named)
      ? named
      : defaultObjective(model, task);
  // A file may be named by any path that leads to it, and is known by its full one.
  const spelled = isModelFile(model.name) ? z.string().overwrite(() => model.name) : z.literal(model.name);
  const name = spelled.default(model.name).describe('the model');
  const options = z.strictObject({ name, ...shapeOf(model.options, model.name) });
  const refined = (schema: z.ZodType): z.ZodType<RunRecipe> =>
    schema.superRefine((found, context) => {
      const whole = found as RunRecipe;
      checkJob(whole, context);
      checkModel(whole, model, (path, message) => {
        context.addIssue({ code: 'custom', path, message });
      });
    }) as z.ZodType<RunRecipe>;
  if (job === 'train') {
    const names = Object.keys(model.objectives) as [string, ...string[]];
    const objective = z.strictObject({
      name: z.enum(names).default(chosen).describe('what it is trained by'),
      ...shapeOf(model.objectives[chosen]!.options, `the objective ${chosen}`),
    });
    const own = model.evaluation instanceof z.ZodObject ? { evaluation: model.evaluation.prefault({}) } : {};
    return refined(trainSchema.extend({ model: options, objective: objective.prefault({}), ...own }));
  }
  const section = withoutIds(options, model.idsAt, job).prefault({});
  if (job === 'pretrain')
    return refined(
      pretrainSchema.extend({
        model: section,
        pretraining: trainingSection(pretrainingSchema, model, chosen).prefault({}),
      }),
    );
  const tunings = [...Object.keys(model.weights.tune), 'full'];
  const tune = z.enum(tunings).default(tunings[0]!).describe(finetuningSchema.shape.tune.description!);
  return refined(
    finetuneSchema.extend({
      model: section,
      finetuning: trainingSection(finetuningSchema, model, chosen, { tune }).prefault({}),
    }),
  );
}

/**
 * {@link wholeSchema} of trainings of one model by one objective.
 *
 * @param objective - Default the model's first.
 * @throws Error if the model has no such objective, or a schema is no zod object.
 */
export function trainSchemaOf(model: ModelSchemas, objective?: string): z.ZodType {
  const names = Object.keys(model.objectives);
  if (objective !== undefined && !names.includes(objective))
    throw new Error(`objective.name must be one of ${names.join(', ')} for ${model.name}, got ${objective}`);
  return wholeSchema({ job: 'train', objective: { name: objective } }, model);
}
