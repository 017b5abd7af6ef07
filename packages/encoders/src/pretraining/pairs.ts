/**
 * Contrastive training of a text and an image encoder (CLIP, Radford et al., ICML 2021): of the pairs of a batch, each
 * text is to find its picture and each picture its text.
 *
 * B pairs, P width of the common space.
 */
import { linear, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import {
  createLinear,
  infoNce,
  init,
  type LinearParameters,
  normalize,
  parameter,
  type Parameters,
} from '@ferry/nn';
import type { Encoder } from '../encoder.ts';
import type { EncoderInputs } from '../family.ts';
import type { PretrainingLoss } from './maskedTokens.ts';

/** Weights beside the encoders. */
export type PairHead = {
  /** From the text encoder's vectors to P, without a bias. */
  readonly text: LinearParameters;
  /** From the image encoder's vectors to P, without a bias. */
  readonly image: LinearParameters;
  /** Log of what cosines are multiplied by, []. */
  readonly scale: tf.Variable;
};

/** Most that cosines are multiplied by. */
const LARGEST_SCALE = 100;

/** Projections, and a temperature of 0.07 to begin with. */
export function createPairHead(
  widths: { text: number; image: number },
  width: number,
  random: RandomStream,
): PairHead {
  const projection = (inputs: number, name: string): LinearParameters =>
    createLinear(
      { inputs, outputs: width, bias: false, init: init.normal(1 / Math.sqrt(inputs)) },
      random.split(name),
    );
  return {
    text: projection(widths.text, 'text'),
    image: projection(widths.image, 'image'),
    scale: parameter(Float32Array.of(Math.log(1 / 0.07)), []),
  };
}

/** What {@link pairLoss} needs of one side. */
export interface PairSide {
  /** The encoder. */
  readonly encoder: Encoder;
  /** Its parameters. */
  readonly p: Parameters;
  /** B texts or pictures. */
  readonly inputs: EncoderInputs;
}

/** The mean of both directions' cross-entropies, and the share of texts that find their picture, each []. */
export function pairLoss(
  text: PairSide,
  image: PairSide,
  head: PairHead,
  random?: RandomSource,
): PretrainingLoss {
  const vectors = ({ encoder, p, inputs }: PairSide, { weight }: PairHead['text']): tf.Tensor2D =>
    normalize(linear(encoder.vectors(p, inputs, random), weight)) as tf.Tensor2D;
  const [a, b] = [vectors(text, head.text), vectors(image, head.image)];
  const temperature = tf.exp(tf.neg(tf.minimum(head.scale, Math.log(LARGEST_SCALE))));
  const losses = tf.add(infoNce(a, b, temperature), infoNce(b, a, temperature));
  const best = tf.argMax(tf.matMul(a, b, false, true), 1);
  const right = tf.equal(best, tf.range(0, a.shape[0], 1, 'int32'));
  return { loss: tf.div(tf.mean(losses), 2), found: tf.mean(tf.cast(right, 'float32')) };
}
