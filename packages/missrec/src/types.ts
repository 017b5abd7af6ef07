import type { tf } from '@ferry/engine';
import type { ModelTypes } from '@ferry/sequential';
import type { MissRecFeed } from './feeds.ts';
import type { FoldedCandidates } from './fusion.ts';
import type { InterestState } from './interests.ts';
import type { ItemTables } from './items.ts';
import type { MissRecQueries } from './model.ts';
import type { MissRecOptions } from './options.ts';
import type { MissRecParameters } from './parameters.ts';

/** The types of MISSRec. */
export interface MissRecTypes extends ModelTypes {
  /** Complete settings. */
  options: MissRecOptions;
  /** Weights. */
  parameters: MissRecParameters;
  /** Items in the space of the model. */
  items: ItemTables;
  /** Sequence vectors, encoded interests and the attention to them. */
  queries: MissRecQueries;
  /** Items to be scored. */
  candidates: FoldedCandidates;
  /** Histories and the interests they touch. */
  feed: MissRecFeed;
  /** The interests. */
  state: InterestState;
  /** [K + 1, D] `centres`, row 0 zero; none with interests `none`. */
  held: Readonly<Record<string, tf.Tensor>>;
}
