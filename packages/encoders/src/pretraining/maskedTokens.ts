/**
 * Masked-token training (Devlin et al., NAACL 2019, section 3.1): some tokens of a text are hidden, and the encoder finds
 * them again through a head that shares its word vectors.
 *
 * B texts, T tokens, D width, V words, P places that are asked for.
 */
import {
  embedding,
  layerNorm,
  linear,
  type RandomSource,
  type RandomStream,
  softmaxCrossEntropy,
  tf,
} from '@ferry/engine';
import {
  type BiasedLinearParameters,
  createLayerNorm,
  createLinear,
  init,
  type LayerNormParameters,
  parameter,
  type Parameters,
} from '@ferry/nn';
import { activations } from '../activations.ts';
import type { Encoder } from '../encoder.ts';
import type { EncoderInputs } from '../family.ts';

/** How tokens are hidden. */
export interface MaskingOptions {
  /** Share of the tokens that are asked for. */
  readonly share: number;
  /** Number of the token that hides others. */
  readonly maskToken: number;
  /** Numbers that are never hidden, and never put in place of others. */
  readonly special: ReadonlySet<number>;
  /** V */
  readonly vocabulary: number;
}

/** Texts with hidden tokens. */
export interface MaskedTexts {
  /** Int32 [B * T] */
  readonly ids: Int32Array;
  /** Where in [B * T]; 0 behind the last. Int32 [P] */
  readonly places: Int32Array;
  /** The tokens that were there. Int32 [P] */
  readonly labels: Int32Array;
  /** 1 for a place that is asked for. Float32 [P] */
  readonly weights: Float32Array;
}

/**
 * Hides tokens: of those chosen 80 % become the mask, 10 % another token, 10 % stay. At least one is chosen.
 *
 * @param ids - [B * T]
 * @param mask - 1 for a token, 0 for padding, [B * T].
 * @throws Error if there is no token that could be hidden.
 */
export function maskTokens(
  ids: Int32Array,
  mask: ArrayLike<number>,
  { share, maskToken, special, vocabulary }: MaskingOptions,
  random: RandomStream,
): MaskedTexts {
  const open = Int32Array.from(ids.keys()).filter((at) => mask[at] === 1 && !special.has(ids[at]!));
  if (open.length === 0) throw new Error('maskTokens: texts must have a token that is not special, got none');
  const count = Math.max(1, Math.round(share * open.length));
  const places = new Int32Array(Math.max(1, Math.ceil(share * ids.length)));
  places.set(random.shuffle(open).subarray(0, count).sort());
  const hidden = ids.slice();
  const labels = new Int32Array(places.length);
  const weights = new Float32Array(places.length);
  const other = (): number => {
    for (;;) {
      const drawn = random.integer(vocabulary);
      if (!special.has(drawn)) return drawn;
    }
  };
  for (let i = 0; i < count; i++) {
    const at = places[i]!;
    labels[i] = ids[at]!;
    weights[i] = 1;
    const way = random.uniform();
    if (way < 0.8) hidden[at] = maskToken;
    else if (way < 0.9) hidden[at] = other();
  }
  return { ids: hidden, places, labels, weights };
}

/** What a batch of pre-training gives. */
export interface PretrainingLoss {
  /** [] */
  readonly loss: tf.Scalar;
  /** Share of what was asked for that is found, []. */
  readonly found: tf.Scalar;
}

/** Weights of the head. */
export type MaskedHead = {
  /** [D, D] */
  readonly transform: BiasedLinearParameters;
  /** Of a normalisation. */
  readonly norm: LayerNormParameters;
  /** Of each word, [V]. */
  readonly bias: tf.Variable;
};

/** The table of word vectors, where a family has one as wide as its layers. */
function wordsOf({
  family,
  parameters,
  width,
}: Pick<Encoder, 'family' | 'parameters' | 'width'>): tf.Variable {
  const { words } = parameters;
  if (!(words instanceof tf.Variable) || words.shape[1] !== width)
    throw new Error(
      `masked tokens: a ${family} has no word vectors as wide as its layers; take bert or one of its kin`,
    );
  return words;
}

/** A head for an encoder, as BERT's: a linear layer, GELU, a normalisation, and a bias for each word. */
export function createMaskedHead(encoder: Encoder, random: RandomStream): MaskedHead {
  const { width } = encoder;
  const count = wordsOf(encoder).shape[0];
  return {
    transform: createLinear({ inputs: width, outputs: width, init: init.normal(0.02) }, random),
    norm: createLayerNorm(width),
    bias: parameter(new Float32Array(count), [count]),
  };
}

/**
 * Mean cross-entropy of the hidden tokens, and the share of them that are found, each [].
 *
 * @param p - The encoder's parameters.
 * @param inputs - Texts with hidden tokens.
 * @param asked - Places, int32 [P], labels, int32 [P], and weights [P] of {@link MaskedTexts}.
 */
export function maskedLoss(
  encoder: Encoder,
  p: Parameters,
  head: MaskedHead,
  inputs: EncoderInputs,
  asked: { places: tf.Tensor; labels: tf.Tensor; weights: tf.Tensor },
  random?: RandomSource,
): PretrainingLoss {
  const { hidden } = encoder.encode(p, inputs, random);
  const rows = embedding(tf.reshape(hidden, [-1, encoder.width]), asked.places);
  const made = activations.gelu(linear(rows, head.transform.weight, head.transform.bias));
  const logits = linear(
    layerNorm(made, head.norm.weight, head.norm.bias, 1e-12),
    p['words'] as tf.Tensor,
    head.bias,
  ) as tf.Tensor2D;
  const total = tf.sum(asked.weights);
  const losses = softmaxCrossEntropy(logits, asked.labels, 0, asked.weights);
  const right = tf.cast(tf.equal(tf.argMax(logits, 1), asked.labels), 'float32');
  return {
    loss: tf.div(tf.sum(losses), total),
    found: tf.div(tf.sum(tf.mul(right, asked.weights)), total),
  };
}
