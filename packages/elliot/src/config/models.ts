import { z } from 'zod';
import { pythonFloat, pythonTuple } from './python.ts';

/** Numbers of a configuration; YAML 1.1 reads `1e-5` as text, which Elliot turns into a number. */
const numeric = <T extends z.ZodType>(schema: T) =>
  z.preprocess(
    (value) =>
      typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value))
        ? Number(value)
        : value,
    schema,
  );
const count = numeric(z.int().min(1));
const positive = numeric(z.number().gt(0));
const least0 = numeric(z.number().min(0));

/** Something that Elliot knows and Ferry does not. */
const only = (values: readonly (string | number | boolean)[], why: string) =>
  z.unknown().refine((value) => values.some((known) => known === value), {
    error: ({ input }) => `must be ${values.map(String).join(' or ')}: ${why}, got ${JSON.stringify(input)}`,
  });

const tuple = (allowed: readonly string[]) =>
  z.union([z.string(), z.array(z.string())]).transform((value, context) => {
    const found = typeof value === 'string' ? pythonTuple(value) : value;
    if (
      found &&
      found.length > 0 &&
      new Set(found).size === found.length &&
      found.every((one) => allowed.includes(one))
    )
      return found;
    context.addIssue({
      code: 'custom',
      message:
        `must be a tuple of ${allowed.map((one) => `'${one}'`).join(' and ')} in the way of Python, got ` +
        JSON.stringify(value),
    });
    return z.NEVER;
  });

/** Elliot's modalities, and Ferry's. */
const modalityNames = { visual: 'image', textual: 'text' } as const;
/** What loads each modality. */
export const loaders = { VisualAttribute: 'visual', TextualAttribute: 'textual' } as const;

/** Features of a model in Ferry's words. */
export type ElliotModality = (typeof modalityNames)[keyof typeof modalityNames];

/** The sections of a recipe of `ferry train` that a model's settings become. */
export interface ModelRecipe {
  /** `model` */
  readonly model: Readonly<Record<string, unknown>> & { readonly name: string };
  /** `objective` */
  readonly objective?: Readonly<Record<string, unknown>>;
  /** Features that it reads. */
  readonly modalities: readonly ElliotModality[];
  /**
   * Epochs, batch and learning rate; undefined for a model that is fitted. `batchSize` below 1 is everything at once.
   */
  readonly training?: { readonly epochs: number; readonly batchSize: number; readonly learningRate: number };
  /** Its seed; undefined for the configuration's. */
  readonly seed?: number;
}

/** A parameter: its short name in file names, and how it is written there. */
type Shortcut = readonly [parameter: string, short: string, write?: (value: unknown) => string];

/** One of Elliot's models. */
export interface ElliotModel {
  /** First part of its name in files. */
  readonly name: string;
  /** Parameters with Elliot's defaults. */
  readonly parameters: z.ZodObject;
  /** What parameters mean in a recipe. */
  recipe(parameters: Readonly<Record<string, never>>): ModelRecipe;
  /** Parameters in the name of files, in Elliot's order. */
  readonly shortcuts: readonly Shortcut[];
  /** Whether its name begins with seed, epochs and batch. */
  readonly trained: boolean;
}

const trained = {
  epochs: count.default(2),
  batch_size: numeric(z.int()).default(-1),
  seed: numeric(z.int().min(0)).default(42),
};
/** Parameters of both factorisations. */
const factorisation = {
  ...trained,
  factors: count.default(10),
  lr: positive.default(0.001),
  l_w: least0.default(0.1),
};
/** Parameters of both graph models. */
const graph = {
  ...trained,
  lr: positive.default(0.0005),
  factors: count.default(64),
  l_w: least0.default(0.01),
  n_layers: count.default(1),
  normalize: only([true], 'a graph that is not normalised is not supported').default(true),
};

const float = (value: unknown): string => pythonFloat(value as number);
const listed = (value: unknown): string => (value as string[]).map((one) => `'${one}'`).join('-');

interface Trained {
  epochs: number;
  batch_size: number;
  seed: number;
  lr: number;
}
const trainingOf = ({ epochs, batch_size: batchSize, lr: learningRate, seed }: Trained) => ({
  training: { epochs, batchSize, learningRate },
  objective: { over: 'users' },
  seed,
});
const modalitiesOf = (names: readonly string[]): ElliotModality[] =>
  names.map((name) => modalityNames[name as keyof typeof modalityNames]);

const features = {
  modalities: tuple(Object.keys(modalityNames)).default(['visual', 'textual']),
  loaders: tuple(Object.keys(loaders)).default(['VisualAttribute', 'TextualAttribute']),
};

/** What Ferry makes of a model's parameters; the type of each is the output of its schema. */
function model<S extends z.ZodObject>(
  definition: Omit<ElliotModel, 'recipe' | 'parameters'> & {
    parameters: S;
    recipe: (parameters: z.output<S>) => ModelRecipe;
  },
): ElliotModel {
  return definition as unknown as ElliotModel;
}

const implicit = only(
  [true],
  "without it Elliot weighs by ratings, which Ferry's neighbours do not: set implicit: True",
);

const neighbours = (name: 'ItemKNN' | 'UserKNN', own: string): ElliotModel =>
  model({
    name,
    trained: false,
    parameters: z.strictObject({
      neighbors: count.default(40),
      similarity: only(['cosine'], 'other similarities are not supported').default('cosine'),
      implementation: z.enum(['standard', 'classical', 'aiolli']).default('standard'),
      implicit,
      shrink: least0.default(0),
      normalize: only([true], 'products without norms are not supported').default(true),
    }),
    // Elliot's standard implementation counts each row among its own neighbours; shrink is read by the other one alone.
    recipe: ({ neighbors, implementation, shrink }) => ({
      model: {
        name: own,
        // Its user-based code sums over those who have the user among their nearest.
        ...(own === 'user-knn' && { reverse: true }),
        neighbours: implementation === 'aiolli' ? neighbors : Math.max(1, neighbors - 1),
        shrink: implementation === 'aiolli' ? shrink : 0,
      },
      modalities: [],
    }),
    shortcuts: [
      ['neighbors', 'nn'],
      ['similarity', 'sim'],
      ['implementation', 'imp'],
      ['implicit', 'bin', () => 'True'],
      ['shrink', 'shrink'],
      ['normalize', 'norm', () => 'True'],
    ],
  });

/** The models of Elliot's configurations that Ferry has, by Elliot's names. */
export const elliotModels: Readonly<Record<string, ElliotModel>> = {
  MostPop: model({
    name: 'MostPop',
    trained: false,
    parameters: z.strictObject({}),
    recipe: () => ({ model: { name: 'most-pop' }, modalities: [] }),
    shortcuts: [],
  }),
  Random: model({
    name: 'Random',
    trained: false,
    parameters: z.strictObject({ random_seed: numeric(z.int().min(0)).default(42) }),
    recipe: ({ random_seed: seed }) => ({ model: { name: 'random' }, modalities: [], seed }),
    shortcuts: [['random_seed', 'seed']],
  }),
  ItemKNN: neighbours('ItemKNN', 'item-knn'),
  UserKNN: neighbours('UserKNN', 'user-knn'),
  EASER: model({
    name: 'EASER',
    trained: false,
    parameters: z.strictObject({
      neighborhood: only([-1], 'only all items can be neighbours').default(-1),
      l2_norm: positive.default(1000),
    }),
    recipe: ({ l2_norm: regularisation }) => ({ model: { name: 'ease', regularisation }, modalities: [] }),
    shortcuts: [
      ['neighborhood', 'neighborhood'],
      ['l2_norm', 'l2_norm', float],
    ],
  }),
  'external.BPRMF': model({
    name: 'BPRMF',
    trained: true,
    parameters: z.strictObject(factorisation),
    recipe: ({ factors, l_w: penalty, ...rest }) => ({
      model: { name: 'bpr-mf', factors, penalty },
      modalities: [],
      ...trainingOf(rest),
    }),
    shortcuts: [
      ['factors', 'factors'],
      ['lr', 'lr', float],
      ['l_w', 'l_w', float],
    ],
  }),
  'external.VBPR': model({
    name: 'VBPR',
    trained: true,
    parameters: z.strictObject({
      ...factorisation,
      ...features,
      comb_mod: only(['concat'], "as in Elliot's own code, nothing else is implemented").default('concat'),
      // Given in the hands-on's configurations, and read by nobody.
      n_layers: z.unknown().optional(),
    }),
    recipe: ({ factors, l_w: penalty, modalities, ...rest }) => ({
      model: { name: 'vbpr', preset: 'ducho', factors, visualFactors: factors, penalty },
      modalities: modalitiesOf(modalities),
      ...trainingOf(rest),
    }),
    shortcuts: [
      ['factors', 'factors'],
      ['lr', 'lr', float],
      ['comb_mod', 'comb_mod'],
      ['modalities', 'modalites', listed],
      ['l_w', 'l_w', float],
      ['loaders', 'loads', listed],
    ],
  }),
  'external.LightGCN': model({
    name: 'LightGCN',
    trained: true,
    parameters: z.strictObject(graph),
    recipe: ({ factors, l_w: penalty, n_layers: layers, ...rest }) => ({
      model: { name: 'lightgcn', factors, penalty, layers },
      modalities: [],
      ...trainingOf(rest),
    }),
    shortcuts: [
      ['lr', 'lr', float],
      ['factors', 'factors'],
      ['l_w', 'l_w', float],
      ['n_layers', 'n_layers'],
      ['normalize', 'normalize', () => 'True'],
    ],
  }),
  'external.LightGCNM': model({
    name: 'LightGCNM',
    trained: true,
    parameters: z.strictObject({
      ...graph,
      ...features,
      aggregation: z.enum(['mean', 'sum', 'concat']).default('mean'),
    }),
    recipe: ({ factors, l_w: penalty, n_layers: layers, aggregation: combine, modalities, ...rest }) => ({
      model: { name: 'lightgcn-m', factors, penalty, layers, combine },
      modalities: modalitiesOf(modalities),
      ...trainingOf(rest),
    }),
    shortcuts: [
      ['lr', 'lr', float],
      ['factors', 'factors'],
      ['l_w', 'l_w', float],
      ['modalities', 'modalites', listed],
      ['n_layers', 'n_layers'],
      ['normalize', 'normalize', () => 'True'],
      ['aggregation', 'aggregation'],
      ['loaders', 'loads', listed],
    ],
  }),
};

/**
 * The name of a model with its parameters as Elliot names files: `VBPR_seed=123_e=200_bs=1024_factors=64_lr=0$005…`.
 */
export function elliotName(
  { name, shortcuts, trained: isTrained }: ElliotModel,
  parameters: Readonly<Record<string, unknown>>,
): string {
  const { seed, epochs: e, batch_size: bs } = parameters;
  const base = isTrained ? Object.entries({ seed, e, bs }) : [];
  const own = shortcuts.map(([key, short, write = String]) => [short, write(parameters[key])] as const);
  return [
    name,
    ...[...base, ...own].map(([short, value]) => `${short}=${String(value).replaceAll('.', '$')}`),
  ].join('_');
}
