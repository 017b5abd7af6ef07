import { interestStatistics } from '@ferry/interests';
import type { MissRecTypes } from '@ferry/missrec';
import { modalitiesOf, type Recommender } from '@ferry/sequential';
import type { InterestSizes } from '../details.ts';

/** How a model's interests spread over its items, the largest first. */
export function interestSizesOf(model: Recommender<MissRecTypes>): InterestSizes | null {
  const state = model.state();
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
