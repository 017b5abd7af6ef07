import { defaultShare, protocolNames, protocolSettings, sharesProblem, type ProtocolName } from '@ferry/data';
import { z } from 'zod';
import { checkEncoders, imageEncoderSchema, textEncoderSchema } from './encoders.ts';
import { choosableMetrics } from './metricNames.ts';
import { samePath } from './names.ts';

/** A whole number from `least` on. */
export const whole = (least: number): z.ZodInt => z.int().min(least);
/** A share that is less than 1. */
export const rate = z.number().min(0).lt(1);

/** A domain: a directory or file, `$FERRY_DATA/…`, or `sample-world:<name>`. */
export const domain = z.string().min(1);

/**
 * A list in which nothing may come twice: what would be done or counted twice.
 *
 * @param same - What two entries have in common that makes them the same; default the entry itself.
 */
export function distinct<T extends z.ZodType>(
  element: T,
  same: (entry: z.output<T>) => unknown = (entry) => entry,
): z.ZodArray<T> {
  return z.array(element).superRefine((entries, context) => {
    const keys = entries.map(same);
    entries.forEach((entry, i) => {
      const first = keys.indexOf(keys[i]);
      if (first < i)
        context.addIssue({
          code: 'custom',
          path: [i],
          message:
            `must differ from the entries before it, got ${JSON.stringify(entry)}, which is entry ${first + 1} ` +
            'already',
        });
    });
  });
}

/** Several domains, each once. */
export const domains = distinct(domain, samePath);

/** Declares the width of a stored feature file. */
const storedWidth = (modality: string): z.ZodOptional<z.ZodInt> =>
  whole(1)
    .optional()
    .describe(`numbers in a row of stored ${modality} features; files of another width are refused`);

/** Features that `ferry features` made and kept under a name, beside choices of a recipe. */
const orMade = <const T extends readonly [string, ...string[]]>(choices: T) =>
  z.union([z.enum(choices), z.templateLiteral(['made:', z.string().min(1)])], {
    error: `must be one of ${choices.join(', ')}, or made:<name> (ferry features list)`,
  });

/** Where item features come from. */
export const featuresSchema = z.strictObject({
  text: orMade(['use-lite', 'clip', 'trained', 'stored', 'none'])
    .default('use-lite')
    .describe(
      "text encoder; trained = one that is trained with the model (textEncoder); stored = the domain's own " +
        'feature file (.feat1CLS, text.npy or text.npz in its directory); made:<name> = what ferry features made',
    ),
  image: orMade(['pixels', 'clip', 'trained', 'stored', 'none'])
    .default('none')
    .describe(
      'image encoder; trained = one that is trained with the model (imageEncoder); ' +
        "stored = the domain's own feature file (.feat3CLS, image.npy or image.npz in its directory); " +
        'made:<name> = what ferry features made',
    ),
  textEncoder: textEncoderSchema.optional().describe('the encoder of text: trained'),
  imageEncoder: imageEncoderSchema.optional().describe('the encoder of image: trained'),
  textWidth: storedWidth('text'),
  imageWidth: storedWidth('image'),
  shuffle: whole(0)
    .optional()
    .describe(
      'a control: every item gets the features of another one, drawn by this seed; what they are still worth is ' +
        'capacity, not content',
    ),
  damagedPictures: z
    .enum(['refuse', 'missing'])
    .default('refuse')
    .describe(
      'pictures that cannot be decoded: an error that lists them all, or missing like those not named',
    ),
});

/** Settings of the features. */
export type FeatureSettings = z.output<typeof featuresSchema>;

/** Reports a width that is declared for features that no file holds. */
export function checkWidths(
  features: FeatureSettings,
  problem: (path: (string | number)[], message: string) => void,
): void {
  checkEncoders(features, problem);
  for (const modality of ['text', 'image'] as const)
    if (features[`${modality}Width`] !== undefined && features[modality] !== 'stored')
      problem(
        ['features', `${modality}Width`],
        `is for features.${modality}: stored, got ${features[modality]}, whose width is known`,
      );
}

/** How interactions are parted into training, validation and test. */
export const splitKeys = {
  protocol: z
    .enum(protocolNames)
    .optional()
    .describe(
      "how interactions are split: leave-one-out = each user's last two; random-by-user; temporal-by-user = the " +
        'last share of each user; global-temporal = one point in time for all users (needs times); files = the ' +
        "ready-made split of the domain's files; default what the domain's files say, else leave-one-out",
    ),
  split: z
    .strictObject({
      valid: rate.optional().describe(`share for validation; default ${defaultShare}`),
      test: rate.optional().describe(`share for the test; default ${defaultShare}`),
      validFrom: z
        .number()
        .optional()
        .describe("global-temporal: validation from here on, in the domain's unit of time"),
      testFrom: z.number().optional().describe('global-temporal: test from here on; default by the shares'),
      validUsers: whole(1)
        .optional()
        .describe(
          'leave-one-out: users, drawn, whose last but one item validates; that of the others is for training; ' +
            'default all',
        ),
      trainUsers: whole(1)
        .optional()
        .describe(
          'leave-one-out: users, drawn, whose items are for training; all are tested; default all (of a study of ' +
            'transfer: of its targets)',
        ),
      seed: whole(0).optional().describe('random-by-user, validUsers, trainUsers: what is drawn; default 1'),
    })
    .superRefine((split, context) => {
      const message = sharesProblem(split);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .optional()
    .describe('shares, points in time, users or seed of the protocol'),
};

/** How a recipe splits a domain. */
export interface SplitSettings {
  /** The protocol; default what the domain's files say, else leave-one-out. */
  readonly protocol?: ProtocolName;
  /** Its shares, points in time, users or seed. */
  readonly split?: {
    readonly valid?: number;
    readonly test?: number;
    readonly validFrom?: number;
    readonly testFrom?: number;
    readonly validUsers?: number;
    readonly trainUsers?: number;
    readonly seed?: number;
  };
}

/**
 * Reports settings of a split that its protocol does not read, as they would change nothing, and points in time that are
 * no order.
 *
 * @param problem - Told of the key of `split` and of what is wrong with it.
 * @param unset - How it is said that there is no protocol.
 */
export function checkSplit(
  { protocol, split = {} }: SplitSettings,
  problem: (key: keyof NonNullable<SplitSettings['split']>, message: string) => void,
  unset = 'evaluation.protocol is not set',
): void {
  const read = protocol === undefined ? [] : protocolSettings[protocol];
  const reader = protocol === undefined ? `the split of the domain (${unset})` : `the protocol ${protocol}`;
  for (const key of Object.keys(split) as (keyof typeof split)[]) {
    if (split[key] === undefined) continue;
    // Of leave-one-out, the seed draws the users who validate or train.
    const draws = split.validUsers !== undefined || split.trainUsers !== undefined;
    const drawsNone = protocol === 'leave-one-out' && key === 'seed' && !draws;
    const without = drawsNone ? ' without validUsers or trainUsers' : '';
    if (drawsNone || !read.includes(key))
      problem(key, `is not read by ${reader}${without}, got ${split[key]}`);
  }
  const { validFrom = -Infinity, testFrom = Infinity } = split;
  if (validFrom > testFrom)
    problem('validFrom', `must not be after testFrom, got ${validFrom} and ${testFrom}`);
}

/** How results are measured. */
export const evaluationSchema = z
  .strictObject({
    ...splitKeys,
    negatives: z
      .strictObject({
        count: whole(1).describe('negatives of each row'),
        draw: z
          .enum(['uniform', 'popularity'])
          .default('uniform')
          .describe('each item alike, or in proportion to its training interactions'),
        seed: whole(0).default(1).describe('what is drawn, the same for every model'),
      })
      .optional()
      .describe(
        'rank among a sample instead of all items: for comparing with papers that did; metrics are named ' +
          'sampled-… and cannot be compared with full ranking',
      ),
    batchSize: whole(1).default(256).describe('rows ranked at once; changes memory and speed only'),
    history: z
      .enum(['keep', 'mask'])
      .default('keep')
      .describe(
        'whether items of the history can be recommended again; mask = the whole history is excluded',
      ),
    candidates: z
      .enum(['all', 'trained'])
      .optional()
      .describe(
        'user-item models: rank all items for all users (default), or only those that training knows (Elliot)',
      ),
    validationItems: z
      .enum(['keep', 'mask'])
      .optional()
      .describe(
        "user-item models: whether a user's validation items are candidates in the test (default, as Elliot and " +
          'LightGCN) or not (RecBole)',
      ),
    relevance: z
      .number()
      .optional()
      .describe(
        'user-item models, where the data have ratings: rating from which an item of validation and test is ' +
          "relevant (Elliot's relevance_threshold); default every item",
      ),
    cutoffs: distinct(whole(1)).min(1).default([10, 50]).describe('k of Recall@k and NDCG@k'),
    ties: z
      .enum(['mid-rank', 'pessimistic', 'optimistic'])
      .default('mid-rank')
      .describe('equal scores: the expectation over their orders, the wanted item last, or first'),
    metric: z
      .string()
      .optional()
      .describe(
        'validation metric, which picks the best epoch and leads tables and charts: recall@k, ndcg@k, ' +
          'precision@k, hit@k, mrr@k, map@k or ndcg-graded@k with k among the cutoffs, or mrr; default ndcg@10, or ' +
          'with the first cutoff',
      ),
  })
  .transform((settings) => {
    const { cutoffs, negatives } = settings;
    const metric =
      settings.metric?.toLowerCase().replace(/^(sampled-)?hr@/, '$1hit@') ??
      `ndcg@${cutoffs.includes(10) ? 10 : cutoffs[0]!}`;
    const marked = negatives && !metric.startsWith('sampled-') ? `sampled-${metric}` : metric;
    return { ...settings, metric: marked };
  });

/** The optimiser of a training: what {@link optimizerOf} reads. */
export const optimiser = {
  learningRate: z.number().gt(0).default(0.001).describe('learning rate of Adam'),
  beta1: rate.default(0.9).describe("share of the old in Adam's mean of gradients (β₁)"),
  beta2: rate
    .default(0.999)
    .describe(
      "share of the old in Adam's mean of squared gradients (β₂; the code of SASRec's authors and RecTools: .98)",
    ),
  weightDecay: z
    .number()
    .min(0)
    .default(0)
    .describe('decoupled weight decay; norms, biases and single numbers never decay'),
  clipNorm: z
    .number()
    .gt(0)
    .nullable()
    .default(null)
    .describe('largest norm of the gradient; null = not clipped'),
};

const optimizerSchema = z.object(optimiser);

/** What a recipe's training says of its optimiser, as a training takes it. */
export function optimizerOf(
  training: z.output<typeof optimizerSchema>,
): Omit<z.output<typeof optimizerSchema>, 'clipNorm'> & { clipNorm?: number } {
  const { clipNorm, ...rest } = optimizerSchema.parse(training);
  return { ...rest, clipNorm: clipNorm ?? undefined };
}

/** What `ferry recipes` says of a recipe. */
export const about = {
  description: z.string().default('').describe('one line for `ferry recipes`'),
  needs: z.string().default('nothing').describe('data it needs, for `ferry recipes`'),
  takes: z.string().default('').describe('how long it takes, for `ferry recipes`'),
};
/** Where and with what a job runs. */
export const place = {
  out: z.string().min(1).optional().describe('run directory; default runs/<recipe name>'),
  backend: z
    .string()
    .min(1)
    .default('auto')
    .describe('auto | ort | tensorflow | wasm | cpu, or ort:<provider>'),
  threads: whole(1).optional().describe('threads of one operation; default FERRY_THREADS, else all cores'),
};
/** The seed. */
export const seed = whole(0).default(2020).describe('seed of every random number');

/** Reports a validation metric that is not among those of the cutoffs. */
export function checkMetric(
  // Where something else in `evaluation` is wrong, its default metric has not been filled in.
  { cutoffs, metric, negatives }: { cutoffs: number[]; metric?: string; negatives?: object },
  problem: (path: (string | number)[], message: string) => void,
): void {
  const known = choosableMetrics(cutoffs, negatives !== undefined);
  if (metric !== undefined && !known.includes(metric))
    problem(
      ['evaluation', 'metric'],
      `must be one of ${known.join(', ')} (evaluation.cutoffs is [${cutoffs.join(', ')}]), got ${metric}`,
    );
}
