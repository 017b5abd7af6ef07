/**
 * Users that move: vectors of users that follow the clicks one by one, in plain arithmetic, without reading the history
 * again. Each kind of user encoder has its own way; H is the number of clicks that a model reads.
 */
import type {
  AdditiveAttentionParameters,
  GruParameters,
  LinearParameters,
  SelfAttentionParameters,
} from '@ferry/nn';
import type { UserPoolingParameters } from './encoders/users.ts';
import type { NewsRecommender } from './recommender.ts';
import type { UserState } from './userState.ts';

type VectorMap = (x: ArrayLike<number>) => Float64Array;

/** Inner product of a row of weights and a vector, in four sums that do not wait for one another. */
function product(w: Float32Array, from: number, x: Float64Array): number {
  const I = x.length;
  const whole = I - (I % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += w[from + i]! * x[i]!;
    b += w[from + i + 1]! * x[i + 1]!;
    c += w[from + i + 2]! * x[i + 2]!;
    d += w[from + i + 3]! * x[i + 3]!;
  }
  for (let i = whole; i < I; i++) a += w[from + i]! * x[i]!;
  return a + b + (c + d);
}

/** `W x + b` from the weights as they are now. */
export function linearMap({ weight, bias }: LinearParameters): VectorMap {
  const [O, I] = weight.shape as [number, number];
  const [w, b] = [weight.dataSync() as Float32Array, bias?.dataSync()];
  const read = new Float64Array(I);
  return (x) => {
    read.set(x);
    const made = new Float64Array(O);
    for (let o = 0; o < O; o++) made[o] = (b?.[o] ?? 0) + product(w, o * I, read);
    return made;
  };
}

/** `exp(q · tanh(W h + b))`: the weight of a vector in additive attention, before all weights are made to sum to 1. */
function additiveWeight({
  projection,
  query,
}: AdditiveAttentionParameters): (h: ArrayLike<number>) => number {
  const [map, q] = [linearMap(projection), query.dataSync()];
  return (h) => Math.exp(map(h).reduce((sum, value, a) => sum + q[a]! * Math.tanh(value), 0));
}

/** What the newest click gets when it attends to itself and the clicks before it, of which at most H are kept. */
function newestAttention(p: SelfAttentionParameters, heads: number, most: number): () => VectorMap {
  const project = linearMap(p.inProjection);
  const join: VectorMap = p.outProjection ? linearMap(p.outProjection) : (x) => Float64Array.from(x);
  return () => {
    const seen: { key: Float64Array; value: Float64Array }[] = [];
    return (vector) => {
      const all = project(vector);
      const D = all.length / 3;
      const width = D / heads;
      seen.push({ key: all.subarray(D, 2 * D), value: all.subarray(2 * D) });
      if (seen.length > most) seen.shift();
      const out = new Float64Array(D);
      for (let from = 0; from < D; from += width) {
        const scores = seen.map(({ key }) => {
          let sum = 0;
          for (let k = from; k < from + width; k++) sum += all[k]! * key[k]!;
          return sum / Math.sqrt(width);
        });
        const largest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        seen.forEach(({ value }, at) => {
          for (let k = from; k < from + width; k++) out[k]! += (weights[at]! / total) * value[k]!;
        });
      }
      return join(out);
    };
  };
}

/**
 * Users by additive attention: the softmax is a sum of terms `exp(q · tanh(W h + b)) h` over the sum of their weights, and
 * a click adds a term, or takes the oldest away, so that it costs one product with W, however long the history is. Equal
 * to the whole computation; the sums are made anew every H clicks, so that rounding does not add up.
 *
 * Where clicks attend to one another first, each click changes all terms. They are kept as they were when they came, so
 * that a click has seen those before it alone: an approximation from the second click on.
 *
 * @param options - `heads`: of self-attention, where there is one; `most`: H.
 */
export function pooledStates(
  { user, nobody }: UserPoolingParameters,
  { heads = 1, most }: { heads?: number; most: number },
): () => UserState {
  const D = user.pooling.projection.weight.shape[1]!;
  const weightOf = additiveWeight(user.pooling);
  const attends = user.attention && newestAttention(user.attention, heads, most);
  const empty = nobody ? (nobody.dataSync() as Float32Array) : new Float32Array(D);
  return () => {
    const read: VectorMap = attends ? attends() : (x) => Float64Array.from(x);
    const terms: { weight: number; vector: Float64Array }[] = [];
    const sum = new Float64Array(D);
    let [weights, sinceAnew] = [0, 0];
    const add = ({ weight, vector }: (typeof terms)[number], sign: 1 | -1): void => {
      weights += sign * weight;
      for (let k = 0; k < D; k++) sum[k]! += sign * weight * vector[k]!;
    };
    return {
      get clicks() {
        return terms.length;
      },
      get exact() {
        return !attends || terms.length < 2;
      },
      click: (given) => {
        const vector = read(given);
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
      vector: () => (terms.length === 0 ? empty.slice() : Float32Array.from(sum, (value) => value / weights)),
    };
  };
}

/**
 * Users by a GRU: a click is one step of it. The state forgets nothing, so it is what the whole computation gives until
 * there are more than H clicks, and an approximation from then on: to forget the oldest click exactly, all H steps are
 * done again, since steps of a GRU one after another are no smaller function than the steps themselves.
 *
 * @param options - `most`: H; `first`: the state before the first click; `out`: the user's vector from the state.
 */
export function recurrentStates(
  { input, state: own }: GruParameters,
  { most }: { most: number },
): (first: ArrayLike<number>, out: (state: Float64Array) => ArrayLike<number>) => UserState {
  const [fromInput, fromState] = [linearMap(input), linearMap(own)];
  const D = own.weight.shape[1]!;
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  return (first, out) => {
    let state = Float64Array.from(first);
    let clicks = 0;
    return {
      get clicks() {
        return clicks;
      },
      get exact() {
        return clicks <= most;
      },
      click: (vector) => {
        const [x, h] = [fromInput(vector), fromState(state)];
        state = state.map((value, k) => {
          const reset = sigmoid(x[k]! + h[k]!);
          const update = sigmoid(x[D + k]! + h[D + k]!);
          const next = Math.tanh(x[2 * D + k]! + reset * h[2 * D + k]!);
          return next + update * (value - next);
        });
        clicks++;
      },
      vector: () => Float32Array.from(out(state)),
    };
  };
}

/**
 * Vectors of users that follow their clicks, from the weights as they are now; undefined for a model that has none, and
 * where a defect changes which clicks are read.
 *
 * @returns A fresh state of a user, by the number that the data have for them; none: of nobody known.
 */
export function userStates({
  model,
  options,
  parameters,
  catalogue: { users },
}: NewsRecommender): ((user?: number) => UserState) | undefined {
  const { scoring } = model;
  const changed = ['unmasked-padding', 'oldest-history'].some((name) => options.defects.includes(name));
  if (scoring.kind !== 'product' || !scoring.states || changed) return undefined;
  const make = scoring.states(parameters, options);
  return (user = -1) => make(users?.rows[user] ?? 0);
}
