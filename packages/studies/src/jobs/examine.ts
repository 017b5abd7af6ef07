import type { Domain } from '@ferry/data';
import { groupMetrics, historyLengthGroups, modalityGroups, popularityGroups } from '@ferry/evaluation';
import { interestStatistics } from '@ferry/interests';
import {
  evaluateModel,
  type EvaluateOptions,
  type MissRecModel,
  type RankingFunctions,
} from '@ferry/missrec';
import { modalitiesOf } from '@ferry/sequential';
import type { InterestSizes, RunDetails } from '../details.ts';

/** How a model's interests spread over its items, the largest first. */
export function interestSizesOf(model: MissRecModel): InterestSizes | null {
  const state = model.interests();
  if (!state) return null;
  const modalities = modalitiesOf(model.options);
  // Lookups count interests from 1, 0 being none; statistics count from 0, -1 being none.
  const assignment = Int32Array.from(
    state.lookups.flatMap((lookup) => [...lookup.subarray(1)].map((id) => id - 1)),
  );
  const { sizes, sizesByModality, mixed, effective } = interestStatistics(assignment, {
    count: state.count,
    modalities,
  });
  const order = [...sizes.keys()].sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  return {
    count: state.count,
    sizes: Object.fromEntries(
      modalities.map((modality) => [modality, order.map((k) => sizesByModality[modality]![k]!)]),
    ),
    mixed,
    effective,
  };
}

/** Ranks the test rows with a model's present weights and takes the metrics apart. */
export async function examine(
  ranking: RankingFunctions,
  model: MissRecModel,
  domain: Domain,
  options: EvaluateOptions,
): Promise<RunDetails> {
  const { test, trainCounts } = domain;
  const { ranks } = await evaluateModel(ranking, model, test, options);
  const { present } = model.catalogue;
  const byItem = Object.fromEntries(
    Object.entries(present).map(([modality, flags]) => [modality, flags.subarray(1)]),
  );
  return {
    domain: domain.name,
    ranks: [...ranks],
    targetCounts: Array.from(test.targets, (target) => trainCounts[target]!),
    popularity: groupMetrics(ranks, popularityGroups(trainCounts, test.targets), options.k),
    historyLength: groupMetrics(ranks, historyLengthGroups(test), options.k),
    modality: groupMetrics(ranks, modalityGroups(byItem, test.targets), options.k),
    interests: interestSizesOf(model),
  };
}
