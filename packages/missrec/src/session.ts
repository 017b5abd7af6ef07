import { RandomStream, tf } from '@ferry/engine';
import { disposeParameters, flattenParameters, type SafetensorsTensor, toFloat32 } from '@ferry/nn';
import { type Catalogue, createCatalogue, type DomainFeatures, modalitiesOf } from '@ferry/sequential';
import type { StateArray } from '@ferry/training';
import { createAdapt, discoverInterests, type InterestState } from './interests.ts';
import { type MissRecOptions } from './options.ts';
import { createMissRecParameters, type MissRecParameters } from './parameters.ts';

/** A MISSRec model on a catalogue: weights, items and interests. */
export interface MissRecModel {
  /** As given. */
  readonly options: MissRecOptions;
  /** The items. */
  readonly catalogue: Catalogue;
  /** The weights. */
  readonly parameters: MissRecParameters;
  /** The interests now; undefined before the first refresh, and always with interests `none`. */
  interests(): InterestState | undefined;
  /** [K + 1, D] the same as a tensor, which the model owns. */
  interestTable(): tf.Tensor | undefined;
  /** Discovers the interests anew from the present adapters. */
  refreshInterests(random: RandomStream): Promise<void>;
  /** Weights by name. */
  weights(): Map<string, tf.Variable>;
  /** Interests as arrays to be saved beside the weights: `interests.centres`, `interests.text`, `interests.image`. */
  buffers(): Map<string, StateArray>;
  /** Takes back what {@link MissRecModel.buffers} returned. */
  restoreBuffers(buffers: ReadonlyMap<string, StateArray>): void;
  /** Frees everything. */
  dispose(): void;
}

/** What {@link createMissRecModel} is made of. */
export interface MissRecModelSettings {
  /** From `missRecOptions`. */
  options: MissRecOptions;
  /** Features of the domain, or of each domain of a pre-training. */
  features: DomainFeatures | readonly DomainFeatures[];
  /** Seed of the first weights. */
  seed: number;
}

/**
 * A model with fresh weights.
 *
 * @throws Error if features are missing or of another width than the options say.
 */
export function createMissRecModel({ options, features, seed }: MissRecModelSettings): MissRecModel {
  const domains = Array.isArray(features)
    ? (features as readonly DomainFeatures[])
    : [features as DomainFeatures];
  const catalogue = createCatalogue(options, domains);
  const parameters = createMissRecParameters(
    options,
    catalogue.items,
    RandomStream.fromSeed(seed).split('weights'),
  );
  const adapt = createAdapt(parameters, options);
  let state: InterestState | undefined;
  let table: tf.Tensor | undefined;
  const set = (next: InterestState): void => {
    table?.dispose();
    state = next;
    table = tf.tensor2d(next.centres, [next.centres.length / options.width, options.width]);
  };
  return {
    options,
    catalogue,
    parameters,
    interests: () => state,
    interestTable: () => table,
    refreshInterests: async (random) => {
      if (options.interestMethod !== 'none') set(await discoverInterests(adapt, options, catalogue, random));
    },
    weights: () => flattenParameters(parameters),
    buffers: () => buffersOf(options, state),
    restoreBuffers: (buffers) => {
      const restored = interestsOf(options, catalogue.items, buffers);
      if (restored) set(restored);
    },
    dispose: () => {
      adapt.dispose();
      table?.dispose();
      catalogue.dispose();
      disposeParameters(parameters);
    },
  };
}

function buffersOf(options: MissRecOptions, state: InterestState | undefined): Map<string, StateArray> {
  const buffers = new Map<string, StateArray>();
  if (!state) return buffers;
  buffers.set('interests.centres', {
    data: state.centres,
    shape: [state.centres.length / options.width, options.width],
  });
  modalitiesOf(options).forEach((modality, m) => {
    const lookup = state.lookups[m]!;
    buffers.set(`interests.${modality}`, { data: lookup, shape: [lookup.length] });
  });
  return buffers;
}

function interestsOf(
  options: MissRecOptions,
  items: number,
  buffers: ReadonlyMap<string, StateArray>,
): InterestState | undefined {
  const expected = options.interestMethod === 'none' ? [] : ['centres', ...modalitiesOf(options)];
  const unknown = [...buffers.keys()].filter(
    (name) => !expected.some((part) => name === `interests.${part}`),
  );
  if (unknown.length > 0) throw new Error(`restoreBuffers: the model knows no ${unknown.join(', ')}`);
  const centres = buffers.get('interests.centres');
  if (!centres) return undefined;
  const [rows, width] = centres.shape;
  if (!(centres.data instanceof Float32Array) || width !== options.width || rows === undefined)
    throw new Error(
      `restoreBuffers: interests.centres must be float32 [K + 1, ${options.width}], got [${centres.shape.join(', ')}]`,
    );
  const count = rows - 1;
  const lookups = modalitiesOf(options).map((modality) => {
    const buffer = buffers.get(`interests.${modality}`);
    const data = buffer?.data;
    if (!(data instanceof Int32Array) || data.length !== items + 1)
      throw new Error(
        `restoreBuffers: interests.${modality} must be int32 [${items + 1}], got ${buffer ? `[${buffer.shape.join(', ')}]` : 'none'}`,
      );
    const wrong = data.find((id) => id < 0 || id > count);
    if (wrong !== undefined)
      throw new Error(`restoreBuffers: interests.${modality} must hold 0..${count}, got ${wrong}`);
    return data;
  });
  return { centres: centres.data, count, lookups };
}

/** What {@link transferWeights} did. */
export interface TransferReport {
  /** Weights that were taken over. */
  loaded: string[];
  /** Weights that keep their fresh values: IDs, α per item, and adapters of modalities the source did not have. */
  fresh: string[];
}

/**
 * Gives a model the weights of a pre-trained one. Not strict, as in the released code (spec 5): interests, IDs and whatever else belongs to the
 * source's items stay behind; everything else must be there and fit.
 *
 * @param model - Of the target domain.
 * @param source - Tensors of a checkpoint by name.
 * @param from - Name for messages.
 * @throws Error naming every weight that is missing or of another shape; nothing is changed then.
 */
export function transferWeights(
  model: MissRecModel,
  source: ReadonlyMap<string, SafetensorsTensor>,
  from: string,
): TransferReport {
  const own = (name: string): boolean =>
    name.startsWith('itemEmbedding.') || (name === 'fusionFactor' && model.options.itemFusion === 'per-item');
  const optional = (name: string): boolean =>
    /^(textAdapter|imageAdapter)\./.test(name) || name === 'fusionFactor';
  const problems: string[] = [];
  const report: TransferReport = { loaded: [], fresh: [] };
  const loads: (() => void)[] = [];
  for (const [name, variable] of model.weights()) {
    const tensor = own(name) ? undefined : source.get(name);
    if (!tensor) {
      if (own(name) || optional(name)) report.fresh.push(name);
      else problems.push(`"${name}" is missing`);
      continue;
    }
    if (tensor.shape.length !== variable.rank || tensor.shape.some((size, i) => size !== variable.shape[i])) {
      problems.push(`"${name}" must be [${variable.shape.join(', ')}], got [${tensor.shape.join(', ')}]`);
      continue;
    }
    report.loaded.push(name);
    loads.push(() => {
      variable.assign(tf.tensor(toFloat32(tensor), variable.shape));
    });
  }
  if (!report.loaded.some((name) => optional(name)) && problems.length === 0)
    problems.push("none of the target's modalities has an adapter in it");
  if (problems.length > 0)
    throw new Error(`transferWeights: ${from} does not fit the model: ${problems.join('; ')}`);
  tf.tidy(() => {
    for (const load of loads) load();
  });
  return report;
}
