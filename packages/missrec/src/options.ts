import type { Modality } from '@ferry/features';
import { type FeatureWidths, logitAdjustmentSchema, type RecipeFacts, type Report } from '@ferry/sequential';
import { z } from 'zod';

/** Added to the variance in all layer normalisations (spec 2.3). */
export const EPSILON = 1e-12;

const whole = z.int().min(1);

/** How interests are found (spec 3). */
const interestsSchema = z.strictObject({
  // released-k-means is what the released trainer runs, which maps all tokens to one zero interest (spec 3.5, 3.6)
  method: z
    .enum(['dpc-knn', 'k-means', 'released-k-means', 'none'])
    .optional()
    .describe('how interests are found; none = no interests at all'),
  // of the T tokens, M N or fewer where modalities are missing (spec 3.1): 0.02, released fine-tuning 0.5
  ratio: z.number().gt(0).max(1).optional().describe('interests K as a share of the item tokens'),
  count: whole.optional().describe('K itself, instead of the ratio'),
  neighbours: z
    .number()
    .gt(0)
    .max(1)
    .default(0.1)
    .describe('neighbours of the density, as a share of the tokens'),
});

/**
 * The settings of a MISSRec model, as a recipe states them. What has no default here depends on the preset: see
 * {@link presetChoices}. Letters: D width, H heads, K interests.
 */
export const missRecSchema = z.strictObject({
  preset: z
    .enum(['paper', 'released'])
    .default('paper')
    .describe(
      'paper: the method as published, missing modalities left out; released: as the released code does it',
    ),
  width: whole.default(300).describe('D: width of the model'),
  heads: whole.default(4).describe('H: attention heads; must divide the width'),
  inner: whole.default(256).describe('inner width of the feed-forward blocks'),
  positions: whole.default(50).describe('longest history; older items are cut off'),
  // after the token normalisation, of attention weights and of every block (spec 2.3)
  dropout: z.number().min(0).lt(1).default(0.5).describe('share of activations dropped in training'),
  temperature: z.number().gt(0).default(0.07).describe('divides the scores'),
  ids: z.boolean().default(true).describe('item IDs beside the modalities'),
  sequenceFusion: z
    .enum(['add', 'contextual'])
    .default('add')
    .describe('add: one token an item; contextual: one token an item and modality'),
  // α of the adaptive fusion (spec 2.4); static is α = 0: the mean
  itemFusion: z
    .enum(['static', 'shared', 'per-item'])
    .default('shared')
    .describe('weights of text and image in the score: equal, one learned number, one for each item'),
  interests: interestsSchema.prefault({}).describe('interest discovery'),
  // mask: it leaves the token's sum, the softmax over modalities and the clustering; bias (spec 2.5): it is the image
  // of a zero row
  missing: z
    .enum(['mask', 'bias'])
    .optional()
    .describe('a missing modality leaves every sum (paper), or counts as the bias of its adapter (released)'),
  // never in evaluation (spec 4 and 12.4)
  paddingInSoftmax: z
    .boolean()
    .optional()
    .describe('whether padding is a candidate in training (paper: false, released: true)'),
  // R = (1/D) Σ_b ‖pooled_b‖². valid: pooled is the mean over the row's interests; all-slots (spec 4): the sum over all
  // slots of the batch's fullest row, empty ones too, times the share of slots in use
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
  // fused: (s_id + 2 s) / 3 as with two modalities; summed (spec 2.4): the cosine with the normalised sum of feature
  // and ID
  singleModality: z
    .enum(['fused', 'summed'])
    .optional()
    .describe(
      'scores with one modality and IDs: mean of two cosines (paper), or cosine of the sum (released)',
    ),
});

const regulariserWeight = z
  .number()
  .min(0)
  .default(1e-4)
  .describe('gamma: weight of the interest regulariser');

/** Settings of fine-tuning. */
export const finetuneSchema = z.strictObject({ regulariserWeight, logitAdjustment: logitAdjustmentSchema });

/** Settings of pre-training (spec 4). */
export const pretrainSchema = z.strictObject({
  regulariserWeight,
  sequenceWeight: z.number().min(0).default(1e-3).describe('lambda: weight of the sequence-sequence loss'),
  dropRatio: z.number().min(0).max(1).default(0.2).describe('share of items an augmented view loses'),
  wordDropShare: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'share of the batches whose augmented view drops words of texts instead of items (the paper: 0.1; default ' +
        '0). The texts are encoded a second time, each word dropped with probability 0.15; with stored features, .feat2CLS',
    ),
  domainBalance: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('share of a source in the batches: its rows to this power (paper: 0.5, released: 1)'),
});

type Section = z.output<typeof missRecSchema>;
type Pretrain = z.output<typeof pretrainSchema>;
/** Every key given. */
type Complete<T> = { [K in keyof T]-?: NonNullable<T[K]> };

/** Which of the two versions of MISSRec a setting follows. */
export type Preset = Section['preset'];

/** What a model is trained for; some defaults depend on it. */
export type Task = 'pretrain' | 'finetune';

/** How interests are found. */
export type InterestMethod = NonNullable<Section['interests']['method']>;

/**
 * Every setting of a MISSRec model, complete: those of {@link missRecSchema}, of its training, and what the domain
 * says.
 */
export interface MissRecOptions
  extends Complete<Omit<Section, 'preset' | 'interests'>>, Complete<Omit<Pretrain, 'wordDropShare'>> {
  /** F of every modality in use. The order text, image is fixed. */
  featureWidths: FeatureWidths['featureWidths'];
  /**
   * Whether items have an embedding of their own beside their modalities: added to tokens and, as a third of the score,
   * to candidates (transductive; spec 2.6).
   */
  ids: boolean;
  /** How interests are found. */
  interestMethod: InterestMethod;
  /** K as a share of the tokens. */
  interestRatio: number;
  /** K itself, instead of `interestRatio`. */
  interestCount?: number;
  /** Neighbours of DPC-KNN as a share of the tokens. */
  neighbourRatio: number;
  /**
   * Share of batches augmented by item drop; the rest by word drop. Default 0.9 where there is word-dropped text, else
   * 1.
   */
  itemDropShare?: number;
}

/** The choices in which the presets differ, each explained at {@link missRecSchema}. */
export function presetChoices(preset: Preset, task: Task) {
  const paper = {
    missing: 'mask',
    paddingInSoftmax: false,
    regulariser: 'valid',
    augmentedImages: 'aligned',
    dropRule: 'own',
    sameItemMask: true,
    singleModality: 'fused',
    interestMethod: 'dpc-knn',
    interestRatio: 0.02,
    domainBalance: 0.5,
  } as const;
  const released = {
    missing: 'bias',
    paddingInSoftmax: true,
    regulariser: 'all-slots',
    augmentedImages: 'original',
    dropRule: 'next',
    sameItemMask: false,
    singleModality: 'summed',
    interestMethod: 'released-k-means',
    interestRatio: task === 'pretrain' ? 0.02 : 0.5,
    domainBalance: 1,
  } as const;
  return preset === 'paper' ? paper : released;
}

/** What {@link missRecOptions} must be told; everything else has a default. */
export type MissRecSettings = Pick<MissRecOptions, 'featureWidths'> &
  Partial<Omit<MissRecOptions, 'featureWidths'>> & {
    /** Default `paper`. */
    preset?: Preset;
    /** Default `finetune`. */
    task?: Task;
  };

/**
 * Complete options from a preset and whatever differs from it. Pre-training has no IDs; fine-tuning has them unless
 * told.
 *
 * @throws RangeError if a number is out of range or the combination means nothing.
 */
export function missRecOptions(settings: MissRecSettings): MissRecOptions {
  const { preset = 'paper', task = 'finetune', ...flat } = settings;
  const given = defined(flat);
  const own = pick(given, missRecSchema.shape);
  const interests = defined({
    method: given.interestMethod,
    ratio: given.interestRatio,
    count: given.interestCount,
    neighbours: given.neighbourRatio,
  });
  const modelSchema = missRecSchema.omit({ preset: true });
  const trainingSchema = pretrainSchema.omit({ wordDropShare: true });
  const { interests: found, ...section } = checked(modelSchema, { ...own, interests });
  const training = checked(trainingSchema, pick(given, trainingSchema.shape));
  const choices = presetChoices(preset, task);
  const options: MissRecOptions = {
    ...choices,
    ...(section as Complete<typeof section>),
    ...training,
    domainBalance: training.domainBalance ?? choices.domainBalance,
    featureWidths: given.featureWidths,
    ids: given.ids ?? task === 'finetune',
    interestMethod: found.method ?? choices.interestMethod,
    interestRatio: found.ratio ?? choices.interestRatio,
    ...(found.count !== undefined && { interestCount: found.count }),
    neighbourRatio: found.neighbours,
    ...(given.itemDropShare !== undefined && { itemDropShare: given.itemDropShare }),
  };
  checkRules(options, task);
  return options;
}

/** The keys of a record that a schema knows. */
function pick(values: object, shape: object): object {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key in shape));
}

/** The same record without the keys whose value is undefined. */
function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

function checked<T extends z.ZodType>(schema: T, values: object): z.output<T> {
  const result = schema.safeParse(values, { reportInput: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new RangeError(
    `missRecOptions: ${issue!.path.join('.')}: ${issue!.message}, got ${JSON.stringify(issue!.input)}`,
  );
}

/** Rules between settings. */
function checkRules(
  { width, heads, featureWidths, itemDropShare = 1, ids, interestMethod, sequenceFusion }: MissRecOptions,
  task: Task,
): void {
  const rule = (holds: boolean, text: string, got: string | number) => {
    if (!holds) throw new RangeError(`missRecOptions: ${text}, got ${got}`);
  };
  rule(width % heads === 0, `heads must divide width ${width}`, heads);
  rule(itemDropShare >= 0 && itemDropShare <= 1, 'itemDropShare must be in [0, 1]', itemDropShare);
  const widths = Object.entries(featureWidths) as [Modality, number][];
  const idsAlone = ids && interestMethod === 'none' && sequenceFusion === 'add';
  rule(
    widths.length > 0 || idsAlone,
    'featureWidths must name text, image or both, unless there are IDs, no interests and one token an item',
    'none',
  );
  for (const [name, own] of widths)
    rule(Number.isInteger(own) && own > 0, `featureWidths.${name} must be a positive integer`, own);
  rule(!(ids && task === 'pretrain'), 'ids must be false in pre-training: sources share no items', 'true');
}

/** Rules between the settings of a recipe, told where they can be put right; {@link missRecOptions} holds them all. */
export function checkSection(section: object, { modalities, ids }: RecipeFacts, problem: Report): void {
  const { width, heads, interests, sequenceFusion } = section as Section;
  if (width % heads !== 0) problem(['heads'], `must divide the width ${width}, got ${heads}`);
  if (modalities.length > 0 || !ids) return;
  if (interests.method !== 'none')
    problem(
      ['interests'],
      'must have method none without text and image features: interests are found in them',
    );
  if (sequenceFusion !== 'add')
    problem(
      ['sequenceFusion'],
      'must be add without text and image features: contextual has one token a modality',
    );
}

/** Complete options from a recipe's sections: the model's, `ids`, and its training's. */
export function completeOptions(
  section: object,
  { featureWidths, task }: FeatureWidths & { task: Task },
): MissRecOptions {
  const { interests, ids, wordDropShare, ...rest } = section as Partial<Section> &
    Partial<Pretrain> & { ids?: boolean };
  return missRecOptions({
    ...rest,
    featureWidths,
    task,
    ids: task === 'finetune' && (ids ?? true),
    interestMethod: interests?.method,
    interestRatio: interests?.ratio,
    interestCount: interests?.count,
    neighbourRatio: interests?.neighbours,
    ...(task === 'pretrain' && { itemDropShare: 1 - (wordDropShare ?? 0) }),
  });
}
