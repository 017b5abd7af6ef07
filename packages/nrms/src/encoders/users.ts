import { type RandomStream, tf } from '@ferry/engine';
import { init, parameter } from '@ferry/nn';
import type { Clicks, NewsStep } from '../contract.ts';
import { createPoolingEncoder, poolAcross, type PoolingEncoderParameters, poolSequence } from './words.ts';

/** Weights of a user encoder that pools what was clicked. */
export type UserPoolingParameters = {
  /** Makes a vector of the news that a user clicked. */
  readonly user: PoolingEncoderParameters;
  /** Vector of a user without clicks, [D], if it is learned. */
  readonly nobody?: tf.Variable;
};

/** What {@link createUserPooling} is made with. */
export interface UserPoolingSizes {
  /** D */
  width: number;
  /** Width of the additive attention's query. */
  queryWidth: number;
  /** Whether projections have biases and the joined heads are projected once more. */
  projected: boolean;
  /** Whether clicks attend to one another before they are pooled. */
  attends: boolean;
  /** Vector of a user without clicks. */
  emptyHistory: 'zero' | 'learned';
}

/** Weights of a user encoder; each part draws from a stream of its own. */
export function createUserPooling(sizes: UserPoolingSizes, random: RandomStream): UserPoolingParameters {
  const { width, queryWidth, projected, attends, emptyHistory } = sizes;
  return {
    user: createPoolingEncoder(
      { inputs: width, width, queryWidth, projected, attends },
      random.split('user'),
    ),
    ...(emptyHistory === 'learned' && {
      nobody: parameter(init.normal(0.1)([width], random.split('nobody')), [width]),
    }),
  };
}

/**
 * Vectors of users from what they clicked.
 *
 * @param heads - Of self-attention, where there is one.
 * @returns [B, D]
 */
export function poolUsers(
  { p, options: { defects }, training }: Omit<NewsStep, 'p'> & { readonly p: UserPoolingParameters },
  clicks: Clicks,
  heads = 1,
): tf.Tensor2D {
  const masked = !defects.includes('unmasked-padding');
  // A test of one user at a time hides this defect, so that training and test differ.
  const pool = training && defects.includes('attention-across-users') ? poolAcross : poolSequence;
  const pooled = pool(p.user, clicks.vectors, { heads, hidden: masked ? clicks.hidden : undefined });
  if (!p.nobody) return pooled;
  // A history begins with its oldest click: one whose first place is hidden is empty.
  const empty = tf.slice(clicks.hidden, [0, 0], [-1, 1]);
  return tf.add(tf.mul(pooled, tf.sub(1, empty)), tf.mul(tf.reshape(p.nobody, [1, -1]), empty));
}
