import { compile, type RandomStream, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import {
  dpcKnn,
  interestLookups,
  type Interests,
  interestTable,
  kMeans,
  releasedKMeans,
  shareOfTokens,
} from '@ferry/interests';
import { type Catalogue, type ItemInputs, modalitiesOf } from '@ferry/sequential';
import { itemTables } from './items.ts';
import { type MissRecOptions } from './options.ts';
import type { MissRecParameters } from './parameters.ts';

/** The interests a model looks up: refreshed before each epoch, saved with the weights. */
export interface InterestState {
  /** [K + 1, D], row 0 zero. */
  centres: Float32Array;
  /** K */
  count: number;
  /** [N + 1] of each modality in use, text before image: 0 none, 1..K. */
  lookups: Int32Array[];
}

/** Numbers of interests and neighbours, from the number of tokens (spec 3.1). */
export function interestSizes(
  options: Pick<MissRecOptions, 'interestRatio' | 'interestCount' | 'neighbourRatio'>,
  tokens: number,
): { clusters: number; neighbours: number } {
  return {
    clusters: options.interestCount ?? shareOfTokens(tokens, options.interestRatio),
    neighbours: shareOfTokens(tokens, options.neighbourRatio),
  };
}

/** Compiles the adapters for interest discovery: adapted features without their padding rows. */
export function createAdapt(p: MissRecParameters, options: MissRecOptions) {
  return compile(
    (items: ItemInputs) => {
      const { adapted } = itemTables(p, options, items);
      return modalitiesOf(options).map((modality) => adapted[modality]!);
    },
    { name: 'missrec.adapt' },
  );
}

/**
 * Interest discovery (spec 3): the tokens of all items in the space of the adapters, text rows first, are clustered; a
 * token's cluster is the interest it stands for. With `missing: 'mask'` tokens of missing modalities take no part and
 * have no interest; with `bias` they are tokens like all others, equal to the adapter's bias.
 *
 * @param adapt - The compiled adapters.
 * @param options - Method and sizes.
 * @param catalogue - The items.
 * @param random - For the methods that draw.
 */
export async function discoverInterests(
  adapt: ReturnType<typeof createAdapt>,
  options: MissRecOptions,
  catalogue: Catalogue,
  random: RandomStream,
): Promise<InterestState> {
  const { width, interestMethod } = options;
  const N = catalogue.items;
  const modalities = modalitiesOf(options);
  const adapted = adapt(catalogue.inputs);
  const points = new Float32Array(modalities.length * N * width);
  for (const [m, table] of adapted.entries())
    points.set(((await table.data()) as Float32Array).subarray(width), m * N * width);
  tf.dispose(adapted);
  const masked = options.missing === 'mask';
  const include = masked
    ? Uint8Array.from(modalities.flatMap((modality) => [...catalogue.present[modality]!.subarray(1)]))
    : undefined;
  const tokens = include ? include.reduce((sum, flag) => sum + flag, 0) : modalities.length * N;
  if (tokens === 0) throw new Error('discoverInterests: at least one item must have a modality, got none');
  const { clusters, neighbours } = interestSizes(options, tokens);
  const cluster = (): Promise<Interests> => {
    if (interestMethod === 'dpc-knn') return dpcKnn(points, { width, clusters, neighbours, include });
    if (interestMethod === 'k-means') return kMeans(points, { width, clusters, random, include });
    return releasedKMeans(points, { width, clusters, random });
  };
  const found = await cluster();
  return { centres: interestTable(found), count: found.count, lookups: interestLookups(found.assignment, N) };
}

/**
 * Interests when a modality is taken away. With `missing: 'mask'` it has none; with `bias` all its tokens are the
 * adapter's bias, and so in the cluster nearest to it.
 *
 * @param bias - [D] bias of the modality's adapter.
 */
export function interestsWithout(
  state: InterestState,
  options: MissRecOptions,
  modality: Modality,
  bias: Float32Array,
): InterestState {
  const m = modalitiesOf(options).indexOf(modality);
  const lookups = [...state.lookups];
  const width = bias.length;
  let nearest = 0;
  if (options.missing === 'bias') {
    let least = Infinity;
    for (let c = 1; c <= state.count; c++) {
      let squared = 0;
      for (let d = 0; d < width; d++) squared += (bias[d]! - state.centres[c * width + d]!) ** 2;
      if (squared < least) {
        least = squared;
        nearest = c;
      }
    }
  }
  lookups[m] = new Int32Array(state.lookups[m]!.length).fill(nearest, 1);
  return { ...state, lookups };
}
