/** Shape letters: N items of a domain, F width of a feature. */
import type { Domain } from '@ferry/data';

/** What features are of: items with texts and pictures. A domain is that, and so are the news of a data set. */
export type FeatureDomain = Pick<Domain, 'name' | 'directory' | 'items'>;

/** What a feature describes. */
export type Modality = 'text' | 'image';

/** What making features costs. */
export interface ExtractionCost {
  /** Seconds of encoding, the opening of the encoder included: of each input what those of all runs took in the mean. */
  seconds: number;
  /** Inputs, equal ones once. */
  inputs: number;
}

/** One modality of a domain's items, with the mask of what is missing. */
export interface FeatureMatrix {
  /** What the rows describe. */
  modality: Modality;
  /** Who made them: an encoder of this package ('use-lite', 'clip', 'pixels') or the name of the file read. */
  encoder: string;
  /** N: rows, one an item. */
  count: number;
  /** F: numbers in a row. */
  width: number;
  /** Row i belongs to item number i + 1; rows of missing items are zero. Float32 [N * F]. */
  data: Float32Array;
  /** 1 where the item has this modality, 0 where it is missing. Uint8 [N]. */
  present: Uint8Array;
  /** What making them cost, where this package made them. */
  extraction?: ExtractionCost;
  /** The file the matrix was read from or saved to, if any. */
  source?: string;
  /** What a user should know about these features, one sentence each: what looks wrong, or what was decided. */
  notes?: string[];
  /** What a user may do though nothing looks wrong. */
  advice?: string;
}

/** How far a long extraction has come. */
export interface ExtractionProgress {
  /** Items finished, those found in the cache included. */
  done: number;
  /** Items to do. */
  total: number;
}

/** Something that turns inputs into vectors. */
export interface Encoder<Input> {
  /** Vectors of the inputs, in their order. Float32 [inputs * F]. */
  encode: (inputs: readonly Input[]) => Promise<Float32Array>;
  /** Frees what it holds. */
  close: () => Promise<void>;
}
