import { compile, disposeNest, RandomStream, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { disposeParameters, flattenParameters, type Parameters } from '@ferry/nn';
import type { StateArray } from '@ferry/training';
import type { FittedModel, Step, TrainedModel, UserItemData, UserItemModel, Vectors } from './contract.ts';

/** What scores are asked of. */
export interface UserScorer {
  /** Scores of every item for some users, [B, N + 1], entry 0 of a row being padding; a tensor is the caller's. */
  scores(users: Int32Array): tf.Tensor2D | Float32Array;
  /** Frees what it holds. */
  dispose(): void;
}

/** A user-item model on data: what `ferry train` trains and everything else ranks with. */
export interface UserItemRecommender {
  /** What it is. */
  readonly model: UserItemModel;
  /** Its settings. */
  readonly options: object;
  /** What it is made for. */
  readonly data: UserItemData;
  /** What a training step differentiates; undefined for a model that is fitted. */
  readonly trained: TrainedParts | undefined;
  /** Weights by name; none for a model that is fitted. */
  weights(): Map<string, tf.Variable>;
  /** What a trained model found last, which the recommender owns; undefined in one that finds nothing. */
  found(): Readonly<Record<string, tf.Tensor>> | undefined;
  /** Finds it anew from the present weights. */
  find(): void;
  /** What a fitted model found, as arrays; none before {@link UserItemRecommender.fit}. Or what a trained one found. */
  buffers(): Map<string, StateArray>;
  /** Takes back what {@link UserItemRecommender.buffers} returned. */
  restoreBuffers(arrays: ReadonlyMap<string, StateArray>): void;
  /** Fits a model that is fitted. */
  fit(random: RandomStream): Promise<void>;
  /** Ranks with the present weights, which it reads once. */
  scorer(): UserScorer;
  /**
   * Ranks items that training did not know, by their features alone: `scores` gives [B, n + 1] then.
   *
   * @throws Error for a model that cannot.
   */
  newItems(features: Readonly<Partial<Record<Modality, FeatureMatrix>>>): UserScorer;
  /** Frees everything. */
  dispose(): void;
}

/** A trained model's weights and inputs. */
export interface TrainedParts {
  /** What it is. */
  readonly model: TrainedModel;
  /** The weights as a tree. */
  readonly p: Parameters;
  /** What does not change. */
  readonly inputs: object;
}

/** What {@link createUserItemRecommender} is made of. */
export interface UserItemSettings {
  /** Settings of the model, as a recipe states them or complete. */
  options: object;
  /** What it is made for. */
  data: UserItemData;
  /** Seed of the first weights. */
  seed: number;
}

/**
 * A model with fresh weights, or not fitted yet.
 *
 * @throws Error if it needs features and there are none.
 */
export function createUserItemRecommender(
  model: UserItemModel,
  settings: UserItemSettings,
): UserItemRecommender {
  const { data, seed } = settings;
  const options = (model.complete?.(settings.options) ?? settings.options) as object;
  const wanted = model.modalities(options);
  if (wanted.length > 0 && wanted.every((modality) => !data.features[modality]))
    throw new Error(
      `${model.name} with these settings reads features of ${wanted.join(' or ')}, got neither`,
    );
  for (const matrix of Object.values(data.features))
    if (matrix.count !== data.interactions.items)
      throw new Error(
        `createUserItemRecommender: features of ${matrix.modality} must have ${data.interactions.items} rows, got ` +
          `${matrix.count}`,
      );
  return model.kind === 'trained'
    ? trainedRecommender(model as TrainedModel, options, data, seed)
    : fittedRecommender(model as FittedModel, options, data);
}

function trainedRecommender(
  model: TrainedModel,
  options: object,
  data: UserItemData,
  seed: number,
): UserItemRecommender {
  const p = model.init(options, data, RandomStream.fromSeed(seed).split('weights'));
  const inputs = model.inputs(options, data);
  const step: Step<object, Parameters, object> = { p, options, inputs, users: data.interactions.users };
  const vectors = compile(
    (found?: Readonly<Record<string, tf.Tensor>>) => model.vectors({ ...step, found }),
    { name: `${model.name}.vectors` },
  );
  let held: Readonly<Record<string, tf.Tensor>> | undefined;
  const hold = (next: typeof held): void => {
    if (held) disposeNest(held);
    held = next;
  };
  /** Vectors of the present weights. */
  const present = (): Vectors => {
    const found = model.find?.(step);
    try {
      return found ? vectors(found) : vectors();
    } finally {
      if (found) disposeNest(found);
    }
  };
  const multiply = compile(
    (users: tf.Tensor2D, items: tf.Tensor2D, ids: tf.Tensor1D) =>
      tf.matMul(tf.gather(users, ids), items, false, true),
    { name: `${model.name}.scores` },
  );
  /** Scores of items, in front of which padding is put. */
  const scorerOf = (users: tf.Tensor2D, items: tf.Tensor2D): UserScorer => {
    const padded = tf.tidy(() => tf.concat([tf.zeros([1, items.shape[1]]), items], 0));
    tf.dispose(items);
    return {
      scores: (ids) => {
        const wanted = tf.tensor1d(ids, 'int32');
        const scores = multiply(users, padded as tf.Tensor2D, wanted);
        wanted.dispose();
        return scores as tf.Tensor2D;
      },
      dispose: () => {
        tf.dispose([users, padded]);
      },
    };
  };
  return {
    model,
    options,
    data,
    trained: { model, p, inputs },
    weights: () => flattenParameters(p),
    found: () => held,
    find: () => {
      hold(model.find?.(step));
    },
    buffers: () =>
      new Map(
        Object.entries(held ?? {}).map(([name, tensor]) => [
          `found.${name}`,
          { data: tensor.dataSync() as Float32Array | Int32Array, shape: tensor.shape },
        ]),
      ),
    restoreBuffers: (arrays) => {
      if (!model.find && arrays.size > 0)
        throw new Error(`restoreBuffers: ${model.name} knows no ${[...arrays.keys()].join(', ')}`);
      const tensors = [...arrays].map(([name, { data, shape }]) => [
        name.replace(/^found\./, ''),
        tf.tensor(data, [...shape], data instanceof Float32Array ? 'float32' : 'int32'),
      ]);
      hold(arrays.size > 0 ? (Object.fromEntries(tensors) as NonNullable<typeof held>) : undefined);
    },
    fit: () => {
      throw new Error(`fit: ${model.name} is trained, not fitted`);
    },
    scorer: () => {
      const { users, items } = present();
      return scorerOf(users, items);
    },
    newItems: (features) => {
      if (!model.newItems || model.modalities(options).length === 0)
        throw new Error(`${model.name} with these settings cannot score items that training did not know`);
      const { users, items } = present();
      items.dispose();
      return scorerOf(
        users,
        tf.tidy(() => model.newItems!(step, features)),
      );
    },
    dispose: () => {
      vectors.dispose();
      multiply.dispose();
      hold(undefined);
      disposeNest(inputs);
      disposeParameters(p);
    },
  };
}

function fittedRecommender(model: FittedModel, options: object, data: UserItemData): UserItemRecommender {
  let state: object | undefined;
  return {
    model,
    options,
    data,
    trained: undefined,
    weights: () => new Map(),
    found: () => undefined,
    find: () => undefined,
    buffers: () => (state ? model.save(state) : new Map<string, StateArray>()),
    restoreBuffers: (arrays) => {
      state = arrays.size > 0 ? model.load(arrays) : undefined;
    },
    fit: async (random) => {
      state = await model.fit(options, data, random);
    },
    scorer: () => {
      if (!state) throw new Error(`scorer: ${model.name} must be fitted first`);
      const scorer = model.scorer(options, data, state);
      return {
        scores: (users) => {
          const out = new Float32Array(users.length * (data.interactions.items + 1));
          scorer.scores(users, out);
          return out;
        },
        dispose: () => undefined,
      };
    },
    newItems: () => {
      throw new Error(`${model.name} cannot score items that training did not know`);
    },
    dispose: () => undefined,
  };
}
