export { byItem, interactionsOf, itemsOf, type Interactions } from './interactions.ts';
export type {
  Definition,
  FittedModel,
  FittedScores,
  ObjectiveOfPairs,
  Step,
  TrainedModel,
  TripleTensors,
  UserItemData,
  UserItemModel,
  Vectors,
} from './contract.ts';
export { drawTriples, type Sampling, type Triples } from './sampler.ts';
export { normalisedGraph } from './graph.ts';
export {
  createUserItemRecommender,
  type TrainedParts,
  type UserItemRecommender,
  type UserItemSettings,
  type UserScorer,
} from './recommender.ts';
export { relevantTargets, type RelevantTargets } from './relevance.ts';
export { evaluateUsers, type UserEvaluation } from './ranking.ts';
export {
  createUserItemTraining,
  type TripleBatch,
  type UserItemTraining,
  type UserItemTrainingSettings,
} from './training.ts';
export type { FeatureInputs, ProjectionOptions, ProjectionParameters } from './projection.ts';
export type { Neighbours } from './neighbours.ts';
export { bprMf, type BprMfOptions, type BprMfParameters } from './models/bprMf.ts';
export { vbpr, type VbprOptions, type VbprParameters } from './models/vbpr.ts';
export {
  lightGcn,
  type GraphInputs,
  type LightGcnOptions,
  type LightGcnParameters,
} from './models/lightGcn.ts';
export {
  lightGcnM,
  type LightGcnMInputs,
  type LightGcnMOptions,
  type LightGcnMParameters,
} from './models/lightGcnM.ts';
export {
  freedom,
  type FreedomInputs,
  type FreedomOptions,
  type FreedomParameters,
} from './models/freedom.ts';
export { bm3, type Bm3Inputs, type Bm3Options, type Bm3Parameters } from './models/bm3.ts';
export {
  lattice,
  type LatticeInputs,
  type LatticeOptions,
  type LatticeParameters,
} from './models/lattice.ts';
export {
  ngcfM,
  type NgcfLayer,
  type NgcfMInputs,
  type NgcfMOptions,
  type NgcfMParameters,
} from './models/ngcfM.ts';
export type { ContentParameters } from './content.ts';
export { ease, type EaseModelOptions, type EaseState } from './models/ease.ts';
export { itemKnn, type ItemKnnOptions } from './models/itemKnn.ts';
export { userKnn, type UserKnnOptions } from './models/userKnn.ts';
export { attributeItemKnn, type AttributeItemKnnOptions } from './models/attributeItemKnn.ts';
export { mostPop, type Popularity } from './models/mostPop.ts';
export { random, type RandomState } from './models/random.ts';
