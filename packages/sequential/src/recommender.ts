import { disposeNest, RandomStream, type tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import { disposeParameters, flattenParameters, matchGlob } from '@ferry/nn';
import {
  encoderParameters,
  frozenEncoderWeights,
  type RowRoles,
  type TableRows,
  type StateArray,
} from '@ferry/training';
import type { Catalogue } from './catalogue.ts';
import type { SequentialModel } from './contract.ts';
import { plainFeed } from './feeds.ts';
import { createEncodedCatalogue } from './itemEncoders.ts';
import type { FeedGroup, FeedPlace, ModelTypes } from './types.ts';

/** A model on a catalogue: weights, items, and what is found between epochs. */
export interface Recommender<T extends ModelTypes = ModelTypes> {
  /** What it is. */
  readonly model: SequentialModel<T>;
  /** Its settings. */
  readonly options: T['options'];
  /** The items. */
  readonly catalogue: Catalogue;
  /** The weights. */
  readonly parameters: T['parameters'];
  /**
   * What was found last; undefined before the first {@link Recommender.refresh}, and always if the model finds nothing.
   */
  state(): T['state'] | undefined;
  /** The same as tensors, which the recommender owns. */
  held(): T['held'];
  /** Finds it anew from the present weights. */
  refresh(random: RandomStream): Promise<void>;
  /** Weights by name. */
  weights(): Map<string, tf.Variable>;
  /** What was found, as arrays to be saved beside the weights. */
  buffers(): Map<string, StateArray>;
  /** Takes back what {@link Recommender.buffers} returned. */
  restoreBuffers(buffers: ReadonlyMap<string, StateArray>): void;
  /** Frees everything, the catalogue's tensors too. */
  dispose(): void;
}

/** What {@link createRecommender} is made of. */
export interface RecommenderSettings<T extends ModelTypes> {
  /** Complete settings of the model. */
  options: T['options'];
  /** The items; the recommender's own from now on. */
  catalogue: Catalogue;
  /** Seed of the first weights. */
  seed: number;
}

/** A model with fresh weights. */
export function createRecommender<T extends ModelTypes>(
  model: SequentialModel<T>,
  { options, catalogue, seed }: RecommenderSettings<T>,
): Recommender<T> {
  const parameters: T['parameters'] = {
    ...model.init(options, catalogue, RandomStream.fromSeed(seed).split('weights')),
    ...encoderParameters(catalogue.encoders),
  };
  const finder = model.state?.create(parameters, options, catalogue);
  const encoded = createEncodedCatalogue(catalogue, parameters);
  let state: T['state'] | undefined;
  let held: T['held'] = {};
  const set = (next: T['state'] | undefined): void => {
    if (next === undefined) return;
    disposeNest(held);
    state = next;
    held = model.state!.tensors(options, next);
  };
  return {
    model,
    options,
    catalogue,
    parameters,
    state: () => state,
    held: () => held,
    refresh: async (random) => {
      if (!finder) return;
      const items = encoded.make();
      try {
        set(await finder.find(random, items.inputs));
      } finally {
        items.dispose();
      }
    },
    weights: () => flattenParameters(parameters),
    buffers: () => (state === undefined ? new Map<string, StateArray>() : model.state!.save(options, state)),
    restoreBuffers: (buffers) => {
      if (model.state) set(model.state.load(options, catalogue.items, buffers));
      else if (buffers.size > 0)
        throw new Error(`restoreBuffers: the model knows no ${[...buffers.keys()].join(', ')}`);
    },
    dispose: () => {
      finder?.dispose();
      encoded.dispose();
      disposeNest(held);
      catalogue.dispose();
      disposeParameters(parameters);
    },
  };
}

/**
 * The weights a training moves: everything the loss depends on, but what the tuning, or that of an encoder, freezes.
 *
 * @param tuning - `all`, or a name of the model's `weights.tune`.
 */
export function trainedWeights<T extends ModelTypes>(
  {
    model,
    options,
    parameters,
    catalogue,
  }: Pick<Recommender<T>, 'model' | 'options' | 'parameters'> & { catalogue?: Pick<Catalogue, 'encoders'> },
  tuning: string,
): Map<string, tf.Variable> {
  const { weights: roles } = model;
  const frozen = tuning === 'all' ? [] : roles.tune[tuning]?.freeze;
  if (!frozen)
    throw new Error(
      `trainedWeights: tuning must be one of all, ${Object.keys(roles.tune).join(', ')}, got ${tuning}`,
    );
  const patterns = [...frozen, ...(roles.unused?.(options) ?? [])];
  const all = flattenParameters(parameters);
  const still = frozenEncoderWeights(catalogue?.encoders, all.keys());
  return new Map(
    [...all].filter(([name]) => !still.has(name) && !patterns.some((pattern) => matchGlob(pattern, name))),
  );
}

/** What was found between epochs, as it would be if no item had some modalities. */
export function stateWithout<T extends ModelTypes>(
  { model, options, parameters, state }: Pick<Recommender<T>, 'model' | 'options' | 'parameters' | 'state'>,
  without: readonly Modality[],
): T['state'] | undefined {
  let found = state();
  for (const modality of without)
    if (found !== undefined) found = model.state?.without?.(parameters, options, found, modality) ?? found;
  return found;
}

/** A model's feed: its own, or the plain one. */
export function feedOf<T extends ModelTypes>(
  { model, options }: Pick<Recommender<T>, 'model' | 'options'>,
  groups: readonly FeedGroup[],
  state: T['state'] | undefined,
  place: FeedPlace,
): T['feed'] {
  return model.feed ? model.feed(options, groups, state, place) : plainFeed(groups, place);
}

/** The weights that belong to the items or users of one domain, as globs of their names, and what their rows are. */
export function rowRoles<T extends ModelTypes>({
  model: { weights },
  options,
}: Pick<Recommender<T>, 'model' | 'options'>): RowRoles {
  const of = (globs: readonly string[] = [], role: TableRows): [string, TableRows][] =>
    globs.map((glob) => [glob, role]);
  return Object.fromEntries([
    ...of(weights.ofItems(options), { fixed: 1, kinds: ['items'] }),
    ...of(weights.ofUsers?.(options), { fixed: 0, kinds: ['users'] }),
  ]);
}

/**
 * The first of some weights that belongs to the items or users of one domain, and so cannot be carried to another;
 * undefined if none does.
 *
 * @param names - Names of weights, such as those of a checkpoint.
 */
export function itemWeight<T extends ModelTypes>(
  { model, options }: Pick<Recommender<T>, 'model' | 'options'>,
  names: Iterable<string>,
): string | undefined {
  const patterns = Object.keys(rowRoles({ model, options }));
  return [...names].find((name) => patterns.some((pattern) => matchGlob(pattern, name)));
}
