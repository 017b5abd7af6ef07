import type { z } from 'zod';
import { modalityNames, type Shortcut } from './parameters.ts';

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
  /** Epochs, batch and learning rate; undefined for a model that is fitted. */
  readonly training?: {
    readonly epochs: number;
    /** Triples, or as many as there are users or interactions. */
    readonly batchSize: number | 'users' | 'transactions';
    readonly learningRate: number;
  };
  /** Its seed; undefined for the configuration's. */
  readonly seed?: number;
}

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
  /** What two parameters must be to each other. */
  readonly rules?: readonly ParameterRule[];
}

/** A rule between two parameters of a model. */
export interface ParameterRule {
  /** The parameters; the first is the one that is wrong. */
  readonly of: readonly [string, string];
  /** What is wrong with the first by the second. */
  readonly wrong: (first: never, second: never) => string | undefined;
}

interface Trained {
  epochs: number;
  batch_size: number;
  seed: number;
  lr: number;
  lr_sched?: readonly string[];
}

/**
 * What a model is trained by.
 *
 * @param over - What its triples are drawn over.
 * @param everything - What a batch below 1 is.
 */
export const trainingOf = (
  { epochs, batch_size: batch, lr: learningRate, seed, lr_sched: falls }: Trained,
  {
    over = 'users',
    everything = 'users',
  }: { over?: 'users' | 'interactions'; everything?: 'users' | 'transactions' } = {},
): Pick<ModelRecipe, 'training' | 'objective' | 'seed'> => {
  const [factor, per] = falls?.map(Number) ?? [];
  return {
    training: {
      epochs,
      batchSize: batch < 1 ? everything : batch,
      learningRate,
    },
    objective: { over, ...(factor !== undefined && factor < 1 && { decay: { factor, epochs: per } }) },
    seed,
  };
};

/** Ferry's names of modalities. */
export const modalitiesOf = (names: readonly string[]): ElliotModality[] =>
  names.map((name) => modalityNames[name as keyof typeof modalityNames]);

/** What Ferry makes of a model's parameters; the type of each is the output of its schema. */
export function model<S extends z.ZodObject>(
  definition: Omit<ElliotModel, 'recipe' | 'parameters'> & {
    parameters: S;
    recipe: (parameters: z.output<S>) => ModelRecipe;
  },
): ElliotModel {
  return definition as unknown as ElliotModel;
}

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
