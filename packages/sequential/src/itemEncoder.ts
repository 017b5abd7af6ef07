import type { RandomSource, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import type { Parameters } from '@ferry/nn';

/** An encoder of one modality; `encoderTower` of `@ferry/encoders` makes one. */
export interface ItemEncoder {
  /** F */
  readonly width: number;
  /** Its weights, which the recommender owns from now on. */
  readonly parameters: Parameters;
  /** Names of the weights that are trained; all others stay as they are. */
  readonly trained: readonly string[];
  /** Items that pass it at a time in a training step. Default: all items of the step. */
  readonly microBatch?: number | undefined;
  /**
   * Vectors of items, [V, F], from what the catalogue holds of them under the encoder's own names.
   *
   * @param p - {@link ItemEncoder.parameters}.
   */
  vectors(p: Parameters, content: Readonly<Record<string, tf.Tensor>>, random?: RandomSource): tf.Tensor;
}

/** The encoders of a catalogue. */
export type ItemEncoders = Readonly<Partial<Record<Modality, ItemEncoder>>>;
