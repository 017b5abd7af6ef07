import { tf } from '../tfjs.js';
import { customGradient } from './customGradient.ts';

/** What a position keeps for the gradient. */
const KEPT = 5;

/**
 * The states of a layer of gated recurrent units over sequences of different lengths, position after position and no
 * padding in between: `r = σ(x_r + U_r h + c_r)`, `z = σ(x_z + U_z h + c_z)`, `n = tanh(x_n + r (U_n h + c_n))`,
 * `h' = n + z (h - n)`, h = 0 at first; x is the projected input. Positions are unrolled. The gradient goes back
 * through the states alone: that of U is one product over all positions, not one for each.
 *
 * @param inputs - [P, 3D]: `sizes[0]` rows of the first position, then `sizes[1]` of the second …; gates are stacked as
 *   reset, update, new.
 * @param weight - U, [3D, D].
 * @param bias - c, [3D].
 * @param sizes - Rows of each position, none more than the position before: row b of each is sequence b, so the longest
 *   come first.
 * @returns [P, D], in the order of `inputs`.
 */
export function gruStates(
  inputs: tf.Tensor,
  weight: tf.Tensor,
  bias: tf.Tensor,
  sizes: readonly number[],
): tf.Tensor2D {
  const D = weight.shape[1]!;
  const rows = sizes.reduce((a, b) => a + b, 0);
  if (
    inputs.rank !== 2 ||
    inputs.shape[0] !== rows ||
    inputs.shape[1] !== 3 * D ||
    weight.shape[0] !== 3 * D ||
    bias.size !== 3 * D ||
    sizes.some((size, t) => size < 1 || size > (sizes[t - 1] ?? size))
  )
    throw new Error(
      `gruStates: inputs must be [${rows}, ${3 * D}], weight [${3 * D}, ${D}], bias [${3 * D}] and sizes ` +
        'positive and never larger than the one before, ' +
        `got ${[inputs, weight, bias].map(({ shape }) => `[${shape.join(', ')}]`).join(', ')} and ${sizes.join(', ')}`,
    );
  const first = (x: tf.Tensor, size: number): tf.Tensor =>
    x.shape[0] === size ? x : tf.slice(x, [0, 0], [size, D]);

  return customGradient([inputs, weight, bias], ([x, u, c], save) => {
    const gates = split(x!, sizes);
    const kept: tf.Tensor[] = [];
    const states: tf.Tensor[] = [];
    let state: tf.Tensor = tf.zeros([sizes[0]!, D]);
    sizes.forEach((size, t) => {
      const before = first(state, size);
      const [givenGates, givenNew] = split(gates[t]!, [2 * D, D], 1);
      const recurrent = tf.add(tf.matMul(before, u!, false, true), c!);
      const [ownGates, ownNew] = split(recurrent, [2 * D, D], 1);
      const opened = tf.sigmoid(tf.add(givenGates!, ownGates!));
      const [reset, update] = split(opened, [D, D], 1);
      const candidate = tf.tanh(tf.add(givenNew!, tf.mul(reset!, ownNew!)));
      const change = tf.sub(before, candidate);
      state = tf.add(candidate, tf.mul(update!, change));
      states.push(state);
      kept.push(before, opened, ownNew!, candidate, change);
    });
    save([...kept, u!]);
    return {
      value: joined(states),
      gradient: (dy, saved) => backward(dy, saved, sizes),
    };
  }) as tf.Tensor2D;
}

/** Gradients of inputs, weight and bias. */
function backward(dy: tf.Tensor, saved: readonly tf.Tensor[], sizes: readonly number[]): tf.Tensor[] {
  const u = saved.at(-1)!;
  const D = u.shape[1]!;
  const given = split(dy, sizes);
  const dInputs: tf.Tensor[] = [];
  const dRecurrent: tf.Tensor[] = [];
  let later: tf.Tensor | undefined;
  for (let t = sizes.length - 1; t >= 0; t--) {
    const [, opened, ownNew, candidate, change] = saved.slice(t * KEPT, (t + 1) * KEPT) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const dState = later ? tf.add(given[t]!, padded(later, sizes[t]!)) : given[t]!;
    const closed = tf.sub(1, opened);
    const [reset, update] = split(opened, [D, D], 1);
    const [, notUpdate] = split(closed, [D, D], 1);
    const dNew = tf.mul(tf.mul(dState, notUpdate!), tf.sub(1, tf.square(candidate)));
    const dOpened = tf.concat([tf.mul(dNew, ownNew), tf.mul(dState, change)], 1);
    const dGates = tf.mul(dOpened, tf.mul(opened, closed));
    const dOwn = tf.concat([dGates, tf.mul(dNew, reset!)], 1);
    dInputs.unshift(tf.concat([dGates, dNew], 1));
    dRecurrent.unshift(dOwn);
    if (t > 0) later = tf.add(tf.mul(dState, update!), tf.matMul(dOwn, u));
  }
  const all = joined(dRecurrent);
  const before = joined(sizes.map((_, t) => saved[t * KEPT]!));
  return [joined(dInputs), tf.matMul(all, before, true, false), tf.sum(all, 0)];
}

function split(x: tf.Tensor, sizes: readonly number[], axis = 0): tf.Tensor[] {
  return sizes.length === 1 ? [x] : tf.split(x, [...sizes], axis);
}

function joined(parts: tf.Tensor[]): tf.Tensor {
  return parts.length === 1 ? parts[0]! : tf.concat(parts, 0);
}

/** Rows of sequences that go on, with zeros for those that ended. */
function padded(x: tf.Tensor, size: number): tf.Tensor {
  const missing = size - x.shape[0];
  return missing === 0
    ? x
    : tf.pad(x, [
        [0, missing],
        [0, 0],
      ]);
}
