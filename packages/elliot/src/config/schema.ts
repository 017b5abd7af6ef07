import { z } from 'zod';
import type { ElliotModel } from './model.ts';
import { elliotModels } from './models.ts';
import { loaders } from './parameters.ts';
import { searchedParameters, type Searched } from './search.ts';
import { filterSchema, splittingSchema } from './splitting.ts';

/** What Elliot reads, and what becomes of it here; the metrics that there are come from who evaluates. */
export interface Supported {
  /** Names of metrics, as Elliot writes them. */
  readonly metrics: readonly string[];
  /** Those of them that can choose an epoch. */
  readonly choosing: readonly string[];
}

const words = (names: readonly string[]): string => names.join(', ');

/** A key that Elliot has and Ferry reads nothing from. */
const ignored = z.unknown().optional();

/** A key whose function Ferry does not have: it may be absent or switched off. */
const unsupported = (instead: string) =>
  z
    .unknown()
    .superRefine((value, context) => {
      const off = value === null || value === false || (Array.isArray(value) && value.length === 0);
      if (value !== undefined && !off)
        context.addIssue({ code: 'custom', message: `is not supported: ${instead}` });
    })
    .optional();

const path = z.string().min(1);

const sideInformation = z.array(
  z
    .strictObject({
      dataloader: z.enum(Object.keys(loaders) as [keyof typeof loaders]),
      visual_features: path.optional(),
      textual_features: path.optional(),
    })
    .superRefine(({ dataloader, ...rest }, context) => {
      const key = `${loaders[dataloader]}_features` as const;
      if (rest[key] === undefined)
        context.addIssue({ code: 'custom', message: `must name the folder of ${dataloader} in ${key}` });
    }),
);

const dataConfig = z
  .strictObject({
    strategy: z.enum(['dataset', 'fixed', 'hierarchy']),
    dataset_path: path.optional(),
    train_path: path.optional(),
    validation_path: path.optional(),
    test_path: path.optional(),
    root_folder: path.optional(),
    dataloader: z.literal('DataSetLoader').optional(),
    side_information: sideInformation.nullable().optional(),
  })
  .superRefine((found, context) => {
    const needs = {
      dataset: ['dataset_path'],
      fixed: ['train_path', 'test_path'],
      hierarchy: ['root_folder'],
    } as const;
    for (const key of needs[found.strategy])
      if (found[key] === undefined)
        context.addIssue({
          code: 'custom',
          path: [key],
          message: `is needed by the strategy ${found.strategy}`,
        });
    const twice = (found.side_information ?? []).findIndex(
      ({ dataloader }, i, all) => all.findIndex((one) => one.dataloader === dataloader) < i,
    );
    if (twice >= 0)
      context.addIssue({
        code: 'custom',
        path: ['side_information', twice],
        message: 'must have another dataloader than those before it',
      });
  });

const splitting = z.strictObject({
  save_on_disk: z.boolean().optional(),
  save_folder: path.optional(),
  test_splitting: splittingSchema,
  validation_splitting: splittingSchema.optional(),
});

/** Metrics by any spelling of Elliot's names. */
const metricName = (known: readonly string[]) =>
  z.string().transform((text, context) => {
    const found = known.find((name) => name.toLowerCase() === text.toLowerCase());
    if (found !== undefined) return found;
    context.addIssue({
      code: 'custom',
      message: `must be one of ${words(known)}; others are not supported, got ${text}`,
    });
    return z.NEVER;
  });

const evaluation = ({ metrics }: Supported) =>
  z.strictObject({
    cutoffs: z
      .union([z.int().min(1), z.array(z.int().min(1)).min(1)])
      .transform((found) => [...new Set([found].flat())])
      .optional(),
    simple_metrics: z.array(metricName(metrics)).min(1),
    complex_metrics: unsupported(
      'metrics with files of their own; leave it out, simple_metrics are supported',
    ),
    relevance_threshold: z.number().default(0),
    paired_ttest: z.boolean().default(false),
    wilcoxon_test: z.boolean().default(false),
  });

const meta = z.strictObject({
  hyper_opt_alg: z
    .string()
    .refine((name) => ['grid', 'rand'].includes(name), {
      error: ({ input }) => `must be grid or rand, ${String(input)} is not supported`,
    })
    .default('grid'),
  hyper_max_evals: z.int().min(1).optional(),
  verbose: ignored,
  save_recs: z.boolean().default(false),
  save_weights: z.boolean().default(false),
  validation_metric: z.string().optional(),
  validation_rate: z.int().min(1).default(1),
  restore: unsupported('finished models are not trained again anyway, and unfinished ones go on'),
  optimize_internal_loss: unsupported('models are chosen by their validation metric'),
});

/** How a model is run. */
export type Meta = z.output<typeof meta>;

const model = z
  .looseObject({
    meta: meta.nullable().prefault({}),
    early_stopping: unsupported(
      'all epochs are trained, and the best one by validation is taken; leave it out',
    ),
  })
  .nullable()
  .transform((found) => found ?? { meta: meta.parse({}) });

/** What a configuration says below `experiment`. */
export const experimentSchema = (supported: Supported) =>
  z
    .strictObject({
      data_config: dataConfig,
      splitting: splitting.optional(),
      prefiltering: z
        .union([filterSchema, z.array(filterSchema)])
        .transform((found) => [found].flat())
        .optional(),
      negative_sampling: unsupported('all items that a user has not are candidates; leave it out'),
      binarize: z.boolean().default(false),
      dataset: z.string().regex(/^[^/\\]+$/, 'must be a name without slashes'),
      top_k: z.int().min(1),
      evaluation: evaluation(supported),
      random_seed: z.int().min(0).default(42),
      align_side_with_train: z.literal(true).default(true),
      print_results_as_triplets: z.boolean().default(false),
      path_output_rec_result: path.optional(),
      path_output_rec_weight: path.optional(),
      path_output_rec_performance: path.optional(),
      models: z.record(z.string(), model),
      ...{ backend: ignored, gpu: ignored, version: ignored, config_test: ignored, dataloader: ignored },
      ...{ external_models_path: ignored, external_posthoc_path: ignored },
      ...{ path_logger_config: ignored, path_log_folder: ignored },
    })
    .superRefine((found, context) => {
      const problem = (at: (string | number)[], message: string): void => {
        context.addIssue({ code: 'custom', path: at, message });
      };
      checkSections(found, problem);
      checkModels(found, supported, problem);
    });

/** A configuration's `experiment`, checked. */
export type Experiment = z.output<ReturnType<typeof experimentSchema>>;

type Problem = (at: (string | number)[], message: string) => void;

/** The cutoffs of a configuration: `top_k` where it names none. */
export const cutoffsOf = ({ evaluation: { cutoffs }, top_k: k }: Experiment): number[] => cutoffs ?? [k];

/** Rules between the sections. */
function checkSections(found: Experiment, problem: Problem): void {
  const { data_config: data, splitting: parts, top_k: topK, evaluation: measured } = found;
  const above = (measured.cutoffs ?? []).findIndex((k) => k > topK);
  if (above >= 0)
    problem(['evaluation', 'cutoffs'], `must not be above top_k (${topK}), got ${measured.cutoffs![above]!}`);
  if (data.strategy === 'dataset' && !parts) problem(['splitting'], 'is needed by the strategy dataset');
  if (data.strategy !== 'dataset' && parts)
    problem(
      ['splitting'],
      `is not read by the strategy ${data.strategy}, whose files are split; leave it out`,
    );
  if (data.strategy !== 'dataset' && found.prefiltering)
    problem(['prefiltering'], `is not read by the strategy ${data.strategy}; leave it out`);
  if (parts?.save_on_disk === true && parts.save_folder === undefined)
    problem(['splitting', 'save_folder'], 'is needed where save_on_disk is set');
}

/** Whether a configuration splits off, or is given, a validation part; folders of a hierarchy say it themselves. */
export const hasValidation = ({ data_config: data, splitting: parts }: Experiment): boolean | undefined => {
  if (data.strategy === 'hierarchy') return undefined;
  return data.strategy === 'fixed'
    ? data.validation_path !== undefined
    : parts?.validation_splitting !== undefined;
};

/**
 * `Recall@20`: the metric as Elliot writes it, and its cutoff; undefined for a metric or cutoff that the evaluation has
 * not.
 */
export function validationMetric(
  text: string | undefined,
  experiment: Experiment,
): { metric: string; k: number } | undefined {
  const { simple_metrics: metrics } = experiment.evaluation;
  const cutoffs = cutoffsOf(experiment);
  const [name = metrics[0]!, cutoff = String(cutoffs[0]!)] = text?.split('@') ?? [];
  const metric = metrics.find((known) => known.toLowerCase() === name.toLowerCase());
  const k = Number(cutoff);
  return metric !== undefined && cutoffs.includes(k) ? { metric, k } : undefined;
}

/** A section as it was written, or nothing where it is no mapping. */
const mapping = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

/** The parameters of a model's section. */
export function parametersIn(section: unknown): Readonly<Record<string, unknown>> {
  const own = Object.entries(mapping(section));
  return Object.fromEntries(own.filter(([name]) => name !== 'meta' && name !== 'early_stopping'));
}

/**
 * Every model and its parameters, whatever else is wrong with a configuration.
 *
 * @param value - The configuration as it was written.
 */
export function checkParameters(value: unknown, problem: Problem): void {
  const { models } = mapping(mapping(value)['experiment']);
  for (const [name, section] of Object.entries(mapping(models))) {
    const at = ['experiment', 'models', name];
    const known = Object.hasOwn(elliotModels, name) ? elliotModels[name] : undefined;
    if (!known) problem(at, `is not supported: there are ${words(Object.keys(elliotModels))}`);
    else
      searchedParameters(known.parameters, parametersIn(section), (path, message) => {
        problem([...at, ...path], message);
      });
  }
}

/** Rules between two parameters of a model, of all values that are searched together. */
function checkPairs(
  { rules = [] }: ElliotModel,
  { fixed, space }: Searched,
  problem: (at: string, message: string) => void,
): void {
  const valuesOf = (name: string): readonly unknown[] | undefined => {
    const dimension = space[name];
    if (!dimension) return name in fixed ? [fixed[name]] : [];
    return dimension.kind === 'choice' ? dimension.values : undefined;
  };
  for (const {
    of: [first, second],
    wrong,
  } of rules) {
    const [one, other] = [valuesOf(first), valuesOf(second)];
    if (!one || !other) {
      problem(one ? second : first, `must be one value or a list, since ${first} must go with ${second}`);
      continue;
    }
    const found = one.flatMap((a) => other.map((b) => wrong(a as never, b as never)));
    const message = found.find((text) => text !== undefined);
    if (message !== undefined) problem(first, message);
  }
}

/** Rules between a model and the other sections; parameters are as they are. */
function checkModel(
  name: string,
  found: Experiment,
  { choosing }: Pick<Supported, 'choosing'>,
  problem: Problem,
): void {
  const known = elliotModels[name]!;
  const { meta: of } = found.models[name] as { meta: Meta | null };
  const how = of ?? meta.parse({});
  const metrics = found.evaluation.simple_metrics;
  const searched = searchedParameters(known.parameters, parametersIn(found.models[name]), () => undefined);
  const { fixed, space } = searched;
  checkPairs(known, searched, (at, message) => {
    problem([at], message);
  });
  const chosen = validationMetric(how.validation_metric, found);
  if (!chosen || !choosing.includes(chosen.metric))
    problem(
      ['meta', 'validation_metric'],
      `must be one of evaluation.simple_metrics at one of the cutoffs (${words(metrics)} @ ` +
        `${cutoffsOf(found).join(', ')}) and one of ${words(choosing)}, got ` +
        (how.validation_metric ?? `none, which is ${metrics[0]!}`),
    );
  const { epochs, loaders: reads } = fixed as { epochs?: number; loaders?: readonly string[] };
  if (known.trained && epochs !== undefined && epochs < how.validation_rate)
    problem(
      ['meta', 'validation_rate'],
      `must not be above the epochs (${epochs}), got ${how.validation_rate}`,
    );
  const loaded = (found.data_config.side_information ?? []).map(({ dataloader }) => dataloader);
  for (const loader of reads ?? [])
    if (!loaded.some((one) => one === loader))
      problem(
        ['loaders'],
        `must be in data_config.side_information, which has ${words(loaded) || 'none'}, got ${loader}`,
      );
  const several = Object.keys(space).length > 0;
  const drawn = Object.values(space).some(({ kind }) => kind !== 'choice');
  if (drawn && how.hyper_opt_alg === 'grid')
    problem(
      ['meta', 'hyper_opt_alg'],
      'must be rand where a parameter is drawn from a distribution, got grid',
    );
  if (several && (drawn || how.hyper_opt_alg === 'rand') && how.hyper_max_evals === undefined)
    problem(['meta', 'hyper_max_evals'], 'is needed where settings are drawn');
  if (several && hasValidation(found) === false)
    problem(
      [],
      'has several settings and there is no validation part to choose by (Elliot would choose on the test): ' +
        'add validation_splitting or validation_path',
    );
  if (name === 'EASER' && !found.binarize)
    problem([], 'weighs by ratings in Elliot, which is not supported: set binarize: True');
}

/** Rules of all models. */
function checkModels(found: Experiment, supported: Supported, problem: Problem): void {
  const names = Object.keys(found.models);
  if (names.length === 0)
    problem(['models'], `must name a model: there are ${words(Object.keys(elliotModels))}`);
  for (const name of names)
    if (Object.hasOwn(elliotModels, name))
      checkModel(name, found, supported, (at, message) => {
        problem(['models', name, ...at], message);
      });
}
