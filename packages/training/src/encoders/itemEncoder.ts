import type { RandomSource, tf } from '@ferry/engine';
import type { Parameters } from '@ferry/nn';

/** An encoder of one modality of items; `encoderTower` of `@ferry/encoders` makes one. */
export interface ItemEncoder {
  /** F */
  readonly width: number;
  /** Its weights, which whoever trains them owns from now on. */
  readonly parameters: Parameters;
  /** Names of the weights that are trained; all others stay as they are. */
  readonly trained: readonly string[];
  /** Items that pass it at a time in a training step. Default: all items of the step. */
  readonly microBatch?: number;
  /**
   * Vectors of items, [V, F], or of an encoder of tokens those of all tokens, [V, T, F], from what is held of the items
   * under the encoder's own names.
   *
   * @param p - {@link ItemEncoder.parameters}.
   */
  vectors(p: Parameters, content: Readonly<Record<string, tf.Tensor>>, random?: RandomSource): tf.Tensor;
}

/** The encoders that are trained with a model, by modality. */
export type ItemEncoders = Readonly<Partial<Record<'text' | 'image', ItemEncoder>>>;
