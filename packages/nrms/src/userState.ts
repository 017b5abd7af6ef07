import type { AdditiveAttentionParameters } from '@ferry/nn';

/** The vector of a user that follows the clicks one by one. */
export interface UserState {
  /** Clicks that count: at most H. */
  readonly clicks: number;
  /** Adds a click; the oldest is forgotten where there are more than H. @param vector - Of the news, [D]. */
  click(vector: ArrayLike<number>): void;
  /** The user's vector, [D]; zeros before the first click. */
  vector(): Float32Array;
}

/**
 * A user's vector by additive attention, updated click by click without the history: the softmax is a sum of terms
 * `exp(q · tanh(W h + b)) h` over the sum of their weights, and a click adds a term, or takes one away. Each update costs
 * one product with W, however long the history is. Equal to the whole computation but for rounding; the sums are made anew
 * every H clicks, so that rounding does not add up.
 *
 * @param p - Of the user's pooling; it must be all there is, without self-attention before it, whose terms all change with
 *   each click.
 * @param most - H
 */
export function createUserState(p: AdditiveAttentionParameters, most: number): UserState {
  const [A, D] = p.projection.weight.shape as [number, number];
  const [weight, bias, query] = [p.projection.weight, p.projection.bias, p.query].map((v) => v.dataSync());
  const terms: { weight: number; vector: Float64Array }[] = [];
  const sum = new Float64Array(D);
  let weights = 0;
  let sinceAnew = 0;

  const add = (term: (typeof terms)[number], sign: 1 | -1): void => {
    weights += sign * term.weight;
    for (let k = 0; k < D; k++) sum[k]! += sign * term.weight * term.vector[k]!;
  };
  const weightOf = (vector: Float64Array): number => {
    let score = 0;
    for (let a = 0; a < A; a++) {
      let own = bias![a]!;
      for (let k = 0; k < D; k++) own += weight![a * D + k]! * vector[k]!;
      score += query![a]! * Math.tanh(own);
    }
    return Math.exp(score);
  };
  return {
    get clicks() {
      return terms.length;
    },
    click: (given) => {
      const vector = Float64Array.from(given);
      const term = { weight: weightOf(vector), vector };
      terms.push(term);
      add(term, 1);
      if (terms.length > most) add(terms.shift()!, -1);
      if (++sinceAnew < most) return;
      sinceAnew = 0;
      sum.fill(0);
      weights = 0;
      for (const own of terms) add(own, 1);
    },
    vector: () => Float32Array.from(sum, (value) => (terms.length === 0 ? 0 : value / weights)),
  };
}
