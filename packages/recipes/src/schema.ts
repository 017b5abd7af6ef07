import { z } from 'zod';
import { domainName } from './names.ts';
import {
  about,
  checkMetric,
  distinct,
  domain,
  domains,
  evaluationSchema,
  featuresSchema,
  optimiser,
  place,
  rate,
  seed,
  whole,
} from './parts.ts';
import { trainSchema } from './trainSchema.ts';
import { overridesOf, withOverrides } from './variants.ts';

/** How interests are found. */
export const interestsSchema = z.strictObject({
  method: z
    .enum(['dpc-knn', 'k-means', 'released-k-means', 'none'])
    .optional()
    .describe('how interests are found; none = no interests at all'),
  ratio: z.number().gt(0).max(1).optional().describe('interests K as a share of the item tokens'),
  count: whole(1).optional().describe('K itself, instead of the ratio'),
  neighbours: z
    .number()
    .gt(0)
    .max(1)
    .default(0.1)
    .describe('neighbours of the density, as a share of the tokens'),
});

/** The model. */
export const modelSchema = z.strictObject({
  preset: z
    .enum(['paper', 'released'])
    .default('paper')
    .describe(
      'paper: the method as published, missing modalities left out; released: as the released code does it',
    ),
  width: whole(1).default(300).describe('D: width of the model'),
  heads: whole(1).default(4).describe('H: attention heads; must divide the width'),
  inner: whole(1).default(256).describe('inner width of the feed-forward blocks'),
  positions: whole(1).default(50).describe('longest history; older items are cut off'),
  dropout: rate.default(0.5).describe('share of activations dropped in training'),
  temperature: z.number().gt(0).default(0.07).describe('divides the scores'),
  sequenceFusion: z
    .enum(['add', 'contextual'])
    .default('add')
    .describe('add: one token an item; contextual: one token an item and modality'),
  itemFusion: z
    .enum(['static', 'shared', 'per-item'])
    .default('shared')
    .describe('weights of text and image in the score: equal, one learned number, one for each item'),
  interests: interestsSchema.prefault({}).describe('interest discovery'),
  missing: z
    .enum(['mask', 'bias'])
    .optional()
    .describe('a missing modality leaves every sum (paper), or counts as the bias of its adapter (released)'),
  paddingInSoftmax: z
    .boolean()
    .optional()
    .describe('whether padding is a candidate in training (paper: false, released: true)'),
  regulariser: z
    .enum(['valid', 'all-slots'])
    .optional()
    .describe('interests that the regulariser sums: those there are (paper), or empty slots too (released)'),
  augmentedImages: z
    .enum(['aligned', 'original'])
    .optional()
    .describe(
      'pictures of the augmented view: of the items left (paper), or of the original order (released)',
    ),
  dropRule: z
    .enum(['own', 'next'])
    .optional()
    .describe("whose mark decides whether an item is dropped: its own (paper), or the next one's (released)"),
  sameItemMask: z
    .boolean()
    .optional()
    .describe('take rows with the same target out of the negatives (paper: true, released: false)'),
  singleModality: z
    .enum(['fused', 'summed'])
    .optional()
    .describe(
      'scores with one modality and IDs: mean of two cosines (paper), or cosine of the sum (released)',
    ),
});

const regularised = {
  ...optimiser,
  regulariserWeight: z.number().min(0).default(1e-4).describe('gamma: weight of the interest regulariser'),
};

/** Pre-training. */
export const pretrainingSchema = z.strictObject({
  epochs: whole(1).default(100).describe('epochs'),
  batchSize: whole(2).default(1024).describe('B: sequences in a batch; the others are the negatives'),
  ...regularised,
  sequenceWeight: z.number().min(0).default(1e-3).describe('lambda: weight of the sequence-sequence loss'),
  dropRatio: z.number().min(0).max(1).default(0.2).describe('share of items an augmented view loses'),
  wordDropShare: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'share of the batches whose augmented view drops words of texts instead of items (the paper: 0.1; default 0). The texts are encoded a second time, each word dropped with probability 0.15; with stored features, .feat2CLS',
    ),
  domainBalance: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('share of a source in the batches: its rows to this power (paper: 0.5, released: 1)'),
  keepEvery: whole(1)
    .nullable()
    .default(null)
    .describe('epochs between checkpoints that are kept for good; null = only the last'),
  checkpointEvery: whole(1)
    .optional()
    .describe('steps between checkpoints within an epoch; default: one after each epoch'),
});

/** Fine-tuning and training from scratch. */
export const finetuningSchema = z.strictObject({
  epochs: whole(1).default(300).describe('most epochs'),
  batchSize: whole(1).default(512).describe('B: sequences in a batch'),
  ...regularised,
  tune: z
    .enum(['efficient', 'full'])
    .default('efficient')
    .describe('after pre-training, train adapters, fusion, token LayerNorm and IDs only, or everything'),
  patience: whole(0)
    .nullable()
    .default(10)
    .describe('epochs without a better validation value (evaluation.metric) that are borne; null = all'),
  checkpointEvery: whole(1)
    .optional()
    .describe('steps between checkpoints within an epoch; default: one after each epoch'),
});

/** `job: pretrain`. */
export const pretrainSchema = z.strictObject({
  job: z.literal('pretrain').describe('pre-train on source domains'),
  ...about,
  sources: domains.min(1).describe('source domains: directories, $FERRY_DATA/…, or sample-world:<name>'),
  seed,
  ...place,
  features: featuresSchema.prefault({}),
  model: modelSchema.prefault({}),
  pretraining: pretrainingSchema.prefault({}),
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
  model: modelSchema.prefault({}),
  finetuning: finetuningSchema.prefault({}),
  evaluation: evaluationSchema.prefault({}),
});

/** Where the fine-tuning runs of a study start, in the order of its table. */
export const studyStarts = ['scratch', 'pre-trained', 'pre-trained-full'] as const;

/** `job: study`. */
export const studySchema = z.strictObject({
  job: z.literal('study').describe('sources x targets x starts x ids x seeds, one table'),
  ...about,
  sources: domains.default([]).describe('source domains, pre-trained on together'),
  targets: domains.min(1).describe('target domains, one after the other'),
  starts: distinct(z.enum(studyStarts))
    .min(1)
    .default(['scratch', 'pre-trained'])
    .describe(
      'where fine-tuning starts; pre-trained tunes what finetuning.tune says, pre-trained-full every weight',
    ),
  ids: distinct(z.boolean()).min(1).default([true, false]).describe('with item IDs, without, or both'),
  seeds: distinct(whole(0)).min(1).default([2020]).describe('one run for each'),
  baselines: distinct(z.enum(['popularity', 'markov', 'item-cf']))
    .default(['popularity', 'markov', 'item-cf'])
    .describe('recommenders without training to compare with'),
  ...place,
  features: featuresSchema.prefault({}),
  model: modelSchema.prefault({}),
  variants: z
    .record(z.string().regex(/^[A-Za-z0-9][\w.-]*$/), overridesOf(modelSchema))
    .optional()
    .describe(
      'models to compare, by name: settings of model that each replaces, such as { k16: { interests: { count: 16 } } }',
    ),
  pretraining: pretrainingSchema.prefault({}),
  finetuning: finetuningSchema.prefault({}),
  evaluation: evaluationSchema.prefault({}),
});

/** Settings of the model. */
export type ModelSettings = z.output<typeof modelSchema>;

/** The same settings with their keys in order. */
function sorted(settings: unknown): unknown {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return settings;
  return Object.fromEntries(
    Object.entries(settings)
      .map(([key, value]) => [key, sorted(value)] as const)
      .sort(([x], [y]) => (x < y ? -1 : 1)),
  );
}

/** Items without features are known by their IDs alone, which nothing but training on one domain gives. */
function checkIdsAlone(
  recipe: Exclude<z.output<typeof anyJob>, { job: 'train' }>,
  problem: (path: (string | number)[], message: string) => void,
): void {
  const { job } = recipe;
  if (
    job === 'pretrain' ||
    (job === 'finetune' && recipe.from !== null) ||
    (job === 'study' && recipe.starts.some((start) => start !== 'scratch'))
  ) {
    problem(['features'], 'must have a text or an image encoder for pre-training, got none of both');
    return;
  }
  const withIds = job === 'study' ? recipe.ids.every((own) => own) : recipe.ids;
  if (!withIds)
    problem(['features'], 'must have a text or an image encoder where items have no IDs, got none of both');
  const models = job === 'study' ? Object.values(recipe.variants ?? { model: {} }) : [{}];
  for (const own of models) {
    const { interests, sequenceFusion } = withOverrides(recipe.model, own);
    if (interests.method !== 'none')
      problem(
        ['model', 'interests'],
        'must have method none without text and image features: interests are found in them',
      );
    if (sequenceFusion !== 'add')
      problem(
        ['model', 'sequenceFusion'],
        'must be add without text and image features: contextual has one token a modality',
      );
  }
}

/** Rules between settings. */
function crossChecks(recipe: z.output<typeof anyJob>, context: z.core.$RefinementCtx): void {
  const problem = (path: (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  if (recipe.job === 'train') {
    checkMetric(recipe.evaluation, problem);
    return;
  }
  const checkHeads = ({ width, heads }: ModelSettings, path: string[]): void => {
    if (width % heads !== 0) problem(path, `must divide the width ${width}, got ${heads}`);
  };
  checkHeads(recipe.model, ['model', 'heads']);
  if (recipe.job !== 'finetune' && recipe.features.text === 'none' && recipe.pretraining.wordDropShare)
    problem(['pretraining', 'wordDropShare'], 'needs a text encoder, got features.text none');
  if (recipe.features.text === 'none' && recipe.features.image === 'none') checkIdsAlone(recipe, problem);
  if (recipe.job !== 'pretrain') checkMetric(recipe.evaluation, problem);
  if (recipe.job === 'study') {
    const start = recipe.starts.find((other) => other !== 'scratch');
    if (start !== undefined && recipe.sources.length === 0)
      problem(['sources'], `must name at least one domain when starts has '${start}', got none`);
    const names = recipe.targets.map(domainName);
    names.forEach((name, i) => {
      if (names.indexOf(name) < i)
        problem(['targets', i], `must have another name than the targets before, got ${name}`);
    });
    for (const [name, overrides] of Object.entries(recipe.variants ?? {}))
      checkHeads(withOverrides(recipe.model, overrides), ['variants', name, 'heads']);
    if (recipe.variants && Object.keys(recipe.variants).length === 0)
      problem(['variants'], 'must name at least one model, got none');
    const models = Object.entries(recipe.variants ?? {}).map(
      ([name, own]) => [name, JSON.stringify(sorted(withOverrides(recipe.model, own)))] as const,
    );
    for (const [i, [name, model]] of models.entries()) {
      const twin = models.slice(0, i).find(([, other]) => other === model);
      if (twin)
        problem(['variants', name], `must differ from the models before it, got the model of ${twin[0]}`);
    }
  }
}

const anyJob = z.discriminatedUnion('job', [pretrainSchema, finetuneSchema, studySchema, trainSchema]);

/** Any recipe. */
export const recipeSchema = anyJob.superRefine(crossChecks);

/** A recipe, defaults filled in. */
export type Recipe = z.output<typeof recipeSchema>;
/** A `job: pretrain` recipe. */
export type PretrainRecipe = z.output<typeof pretrainSchema>;
/** A `job: finetune` recipe. */
export type FinetuneRecipe = z.output<typeof finetuneSchema>;
/** A `job: train` recipe. */
export type TrainRecipe = z.output<typeof trainSchema>;
/** A `job: study` recipe. */
export type StudyRecipe = z.output<typeof studySchema>;
/** Settings of the features. */
export type FeatureSettings = z.output<typeof featuresSchema>;
