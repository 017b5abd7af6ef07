import type { RandomStream } from '@ferry/engine';
import {
  createCatalogue,
  createRecommender,
  type DomainFeatures,
  modalitiesOf,
  type Recommender,
  type SequentialModel,
} from '@ferry/sequential';
import { firedInterests } from './explain.ts';
import { missRecFeed } from './feeds.ts';
import { candidatesOf, foldedCandidates, foldedScores } from './fusion.ts';
import { interestState } from './interestState.ts';
import { itemTables } from './items.ts';
import { encodeSequences } from './model.ts';
import { readyProjections } from './ready.ts';
import { checkSection, completeOptions, type MissRecOptions, missRecSchema } from './options.ts';
import { createMissRecParameters } from './parameters.ts';
import { finetuningDefinition, pretrainingDefinition } from './training.ts';
import type { MissRecTypes } from './types.ts';

/** MISSRec: multi-modal interest-aware sequence representation for recommendation. */
export const missRec: SequentialModel<MissRecTypes> = {
  name: 'missrec',
  title: 'MISSRec',
  paper:
    'Wang et al.: MISSRec: Pre-training and Transferring Multi-modal Interest-aware Sequence Representation ' +
    'for Recommendation. ACM MM 2023',
  options: missRecSchema,
  complete: completeOptions,
  check: checkSection,
  idsAt: 'ids',
  positions: ({ positions }) => positions,
  modalities: modalitiesOf,
  init: (options, { items }, random: RandomStream) => createMissRecParameters(options, items, random),
  items: ({ p, options, held, random }, inputs) => ({
    ...itemTables(p, options, inputs),
    ...(!random && { ready: readyProjections(p, held['centres']) }),
  }),
  feed: missRecFeed,
  queries: ({ p, options, held, random }, items, feed) =>
    encodeSequences(p, options, items, held['centres'], feed, random),
  candidates: ({ options }, items, which) => foldedCandidates(options, candidatesOf(options, items, which)),
  scores: (_, { vectors }, candidates) => foldedScores(vectors, candidates),
  objectives: { finetune: finetuningDefinition, pretrain: pretrainingDefinition },
  objectiveOf: { pretrain: 'pretrain' },
  weights: {
    ofItems: ({ itemFusion }) => ['itemEmbedding.**', ...(itemFusion === 'per-item' ? ['fusionFactor'] : [])],
    optional: () => ['textAdapter.**', 'imageAdapter.**', 'fusionFactor'],
    unused: ({ interestMethod }) =>
      interestMethod === 'none' ? ['encoder.**', 'decoder.layers.0.crossAttention.**'] : [],
    // Parameter-efficient fine-tuning (spec 5): adapters, α, the token normalisation and IDs are trained.
    tune: { efficient: { freeze: ['positionEmbedding.**', 'encoder.**', 'decoder.**'] } },
  },
  state: interestState,
  explain: firedInterests,
};

/** What {@link createMissRec} is made of. */
export interface MissRecModelSettings {
  /** From `missRecOptions`. */
  options: MissRecOptions;
  /** Features of the domain, or of each domain of a pre-training. */
  features: DomainFeatures | readonly DomainFeatures[];
  /** Seed of the first weights. */
  seed: number;
}

/**
 * A MISSRec model with fresh weights.
 *
 * @throws Error if features are missing or of another width than the options say.
 */
export function createMissRec({ options, features, seed }: MissRecModelSettings): Recommender<MissRecTypes> {
  const domains = Array.isArray(features)
    ? (features as readonly DomainFeatures[])
    : [features as DomainFeatures];
  return createRecommender(missRec, { options, catalogue: createCatalogue(options, domains), seed });
}
