import { tf } from '@ferry/engine';
import { type Explained, modalitiesOf, type Reason } from '@ferry/sequential';
import type { MissRecOptions } from './options.ts';
import type { MissRecTypes } from './types.ts';

/** The interests that a history touches, the most attended first: what its recommendations rest on. */
export async function firedInterests(
  options: MissRecOptions,
  { history, feed, queries, state }: Explained<MissRecTypes>,
): Promise<Reason[]> {
  const [group] = feed.groups;
  const [attended] = queries.attended;
  if (!group?.interests || !attended || !state) return [];
  const ids = await group.interests.data<'int32'>();
  const ofHeads = tf.mean(attended, 1);
  const weights = await ofHeads.data();
  ofHeads.dispose();
  const modalities = modalitiesOf(options);
  const fired = [...ids].flatMap((id, q): Reason[] => {
    if (id === 0) return [];
    const because = modalities.flatMap((modality, m) =>
      [...new Set(history)]
        .filter((item) => state.lookups[m]?.[item] === id)
        .map((item) => ({ item, modality })),
    );
    return [{ id, weight: weights[q]!, because, members: membersOf(id, state.lookups) }];
  });
  return fired.sort((a, b) => b.weight - a.weight || a.id - b.id);
}

/** Items that stand for an interest by any of their modalities. */
function membersOf(id: number, lookups: readonly Int32Array[]): number[] {
  const items = Array.from(lookups[0]!.keys()).slice(1);
  return items.filter((item) => lookups.some((lookup) => lookup[item] === id));
}
