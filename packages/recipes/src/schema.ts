import { z } from 'zod';
import { domainName } from './names.ts';
import {
  about,
  checkMetric,
  checkSplit,
  checkWidths,
  distinct,
  domain,
  domains,
  evaluationSchema,
  featuresSchema,
  optimiser,
  place,
  seed,
  splitKeys,
  type SplitSettings,
  whole,
  type FeatureSettings,
} from './parts.ts';

const { text } = featuresSchema.shape;

const modelText = 'the model: see ferry models; or a file of your own beside the recipe, such as ./mine.ts';

/** The model of a job; its settings are checked by the model's own schema (see {@link wholeSchema}). */
const model = z
  .looseObject({ name: z.string().min(1).optional().describe(modelText) })
  .describe('the model and its settings');

const objective = z.string().min(1).optional().describe("what it is trained by; default the model's own");
const checkpointEvery = whole(1)
  .optional()
  .describe('steps between checkpoints within an epoch; default: one after each epoch');
const patience = whole(0)
  .nullable()
  .default(10)
  .describe('epochs without a better validation value (evaluation.metric) that are borne; null = all');

/** Pre-training, without the settings of its objective. */
export const pretrainingSchema = z.looseObject({
  objective,
  epochs: whole(1).default(100).describe('epochs'),
  batchSize: whole(2).default(1024).describe('B: sequences in a batch; the others are the negatives'),
  ...optimiser,
  keepEvery: whole(1)
    .nullable()
    .default(null)
    .describe('epochs between checkpoints that are kept for good; null = only the last'),
  checkpointEvery,
});

/** Fine-tuning and training from scratch, without the settings of its objective. */
export const finetuningSchema = z.looseObject({
  objective,
  epochs: whole(1).default(300).describe('most epochs'),
  batchSize: whole(1).default(512).describe('B: sequences in a batch'),
  ...optimiser,
  tune: z
    .string()
    .optional()
    .describe(
      'what is trained after pre-training: full = everything; efficient = what the model names, of most its ' +
        'adapters, fusion and IDs; default efficient where there is that',
    ),
  patience,
  checkpointEvery,
});

/** Training on one domain. */
export const trainingSchema = z.strictObject({
  epochs: whole(1).default(200).describe('most epochs'),
  batchSize: whole(1).default(256).describe('B: examples in a batch'),
  ...optimiser,
  patience,
  validateEvery: whole(1)
    .default(1)
    .describe('epochs from one validation to the next; the last is always validated'),
  checkpointEvery,
});

/** `job: pretrain`. */
export const pretrainSchema = z.strictObject({
  job: z.literal('pretrain').describe('pre-train on source domains'),
  ...about,
  sources: domains.min(1).describe('source domains: directories, $FERRY_DATA/…, or sample-world:<name>'),
  seed,
  ...place,
  features: featuresSchema.prefault({}),
  model: model.prefault({}),
  pretraining: pretrainingSchema.prefault({}),
  evaluation: z
    .strictObject(splitKeys)
    .optional()
    .describe('how the sources are split: pre-training reads their training part alone'),
});

/** `job: finetune`. */
export const finetuneSchema = z.strictObject({
  job: z.literal('finetune').describe('fine-tune on a target domain, or train on it from scratch'),
  ...about,
  target: domain.describe('target domain: a directory, $FERRY_DATA/…, or sample-world:<name>'),
  from: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('pre-training run or checkpoint to start from; null = from scratch'),
  ids: z.boolean().default(true).describe('item IDs beside the modalities'),
  seed,
  ...place,
  features: featuresSchema.prefault({}),
  model: model.prefault({}),
  finetuning: finetuningSchema.prefault({}),
  evaluation: evaluationSchema.prefault({}),
});

/** `job: train`: any model on one domain. */
export const trainSchema = z.strictObject({
  job: z.literal('train').describe('train a model on one domain'),
  ...about,
  target: domain.describe('the domain: a directory or file, $FERRY_DATA/…, or sample-world:<name>'),
  warm: z
    .string()
    .min(1)
    .optional()
    .describe(
      'finished run of the same model whose best weights the training starts from, those of items, users, news and ' +
        'words by their ids; default: fresh weights',
    ),
  seed,
  ...place,
  features: featuresSchema
    .extend({ text: text.unwrap().default('none').describe(text.description!) })
    .prefault({}),
  model: z
    .looseObject({ name: z.string().min(1).describe(modelText) })
    .describe('the model and its settings'),
  objective: z
    .looseObject({
      name: z.string().min(1).optional().describe("what it is trained by; default the model's first"),
    })
    .prefault({}),
  training: trainingSchema.prefault({}),
  evaluation: evaluationSchema.prefault({}),
});

/** `job: study`, as far as a list of recipes needs it; the rest is checked by the schema of its kind. */
export const studySchema = z.looseObject({
  job: z.literal('study').describe('many runs, one table, one report'),
  study: z.string().min(1).optional().describe('what kind of study it is'),
  ...about,
  ...place,
});

/** Recommenders without training that a study can compare with. */
const baselineNames = ['popularity', 'markov', 'item-cf', 'ease', 'content-last', 'content-history'] as const;

/** Keys that every kind of study has. */
export const studyKeys = {
  ...studySchema.shape,
  targets: domains.min(1).describe('target domains, one after the other'),
  seeds: distinct(whole(0)).min(1).default([2020]).describe('one run for each'),
  baselines: distinct(z.enum(baselineNames))
    .default([...baselineNames])
    .describe(
      'recommenders without training to compare with; content of the last item or of the whole history where ' +
        'there are features',
    ),
  features: featuresSchema.prefault({}),
  model: model.prefault({}),
  evaluation: evaluationSchema.prefault({}),
};

/** Rules between the keys that every kind of study has. */
export function checkStudy(
  recipe: {
    targets: string[];
    features: FeatureSettings;
    evaluation: SplitSettings & { cutoffs: number[]; metric?: string; negatives?: object };
  },
  context: z.core.$RefinementCtx,
): void {
  const problem = (path: (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  checkWidths(recipe.features, problem);
  checkMetric(recipe.evaluation, problem);
  checkSplit(recipe.evaluation, (key, message) => {
    problem(['evaluation', 'split', key], message);
  });
  const names = recipe.targets.map(domainName);
  names.forEach((name, i) => {
    if (names.indexOf(name) < i)
      problem(['targets', i], `must have another name than the targets before, got ${name}`);
  });
}

/** Rules between settings that hold for any model. */
export function checkJob(
  recipe: {
    job: string;
    features: FeatureSettings;
    evaluation?: SplitSettings & { cutoffs?: number[]; metric?: string; negatives?: object };
  },
  context: z.core.$RefinementCtx,
): void {
  const problem = (path: (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  checkWidths(recipe.features, problem);
  const { evaluation, features } = recipe;
  if (features.text === 'trained' && features.textEncoder?.from === undefined && recipe.job !== 'train')
    problem(
      ['features', 'textEncoder', 'from'],
      'must be a folder where weights are carried from domain to domain: the words of an encoder from nothing are ' +
        'those of one domain',
    );
  if (!evaluation) return;
  checkSplit(evaluation, (key, message) => {
    problem(['evaluation', 'split', key], message);
  });
  const { cutoffs, ...rest } = evaluation;
  if (cutoffs) checkMetric({ ...rest, cutoffs }, problem);
  const { validFrom, testFrom } = evaluation.split ?? {};
  if (recipe.job === 'pretrain' && evaluation.protocol === 'global-temporal')
    if (validFrom === undefined || testFrom === undefined)
      problem(
        ['evaluation', 'split'],
        'must give validFrom and testFrom: pre-training by global-temporal cuts every source where the target is cut',
      );
}

/** How a training is measured is checked by a model that says it itself: news models rank impressions. */
const anyEvaluation = evaluationSchema.or(z.looseObject({})) as unknown as typeof evaluationSchema;

/** Any recipe, without what only its model or its kind of study can check. */
export const recipeSchema = z
  .discriminatedUnion('job', [
    pretrainSchema,
    finetuneSchema,
    studySchema,
    trainSchema.extend({ evaluation: anyEvaluation.prefault({}) }),
  ])
  .superRefine((recipe, context) => {
    if (recipe.job !== 'study') checkJob(recipe, context);
  });

/** A recipe, defaults filled in. */
export type Recipe = z.output<typeof recipeSchema>;
/** A `job: pretrain` recipe. */
export type PretrainRecipe = z.output<typeof pretrainSchema>;
/** A `job: finetune` recipe. */
export type FinetuneRecipe = z.output<typeof finetuneSchema>;
/** A `job: train` recipe. */
export type TrainRecipe = z.output<typeof trainSchema>;
/** A recipe of one run. */
export type RunRecipe = PretrainRecipe | FinetuneRecipe | TrainRecipe;
/** What the recipe of any kind of study has. */
export type StudyRecipe = z.output<z.ZodObject<typeof studyKeys>>;
