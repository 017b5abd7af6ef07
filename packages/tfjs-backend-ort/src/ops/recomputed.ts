import { tf } from '../tfjs.js';
import { flatten } from '../nest.ts';
import { after } from './after.ts';
import { customGradient, gradientsOf } from './customGradient.ts';
import type { RandomSource } from './random.ts';

/** What a part of a network reads besides its input. */
export interface RecomputedReads<R> {
  /** Tensors, in any nest: weights, masks. */
  reads: R;
  /** The step's random source; what is drawn again is the same. */
  random?: RandomSource;
}

/**
 * A part of a network of which nothing but its input is kept for the gradient: the part is computed once more when that
 * is asked for (gradient checkpointing, Chen et al. 2016). The same numbers as `f`, in less memory and more time.
 *
 * @typeParam R - The nest.
 * @param f - Pure; reads no tensors but those it is given.
 * @param x - Its input, of rank 1 or more, as is its output.
 * @param reads - What else it reads; differentiated by where it is of floats.
 * @returns What `f` returns.
 */
export function recomputed<R>(
  f: (x: tf.Tensor, reads: R, random: RandomSource | undefined) => tf.Tensor,
  x: tf.Tensor,
  { reads, random }: RecomputedReads<R>,
): tf.Tensor {
  const again = random?.fork();
  const { tensors, rebuild } = flatten(reads, 'recomputed: reads');
  const isFloat = tensors.map(({ dtype }) => dtype === 'float32');
  const floats = tensors.filter((_, i) => isFloat[i]);
  const others = tensors.filter((_, i) => !isFloat[i]);
  /** The nest around its tensors, the floats among them from one list and all else from another. */
  const nestOf = (own: readonly tf.Tensor[], rest: readonly tf.Tensor[]): R => {
    const [left, right] = [[...own], [...rest]];
    return rebuild(isFloat.map((float) => (float ? left : right).shift()!)) as R;
  };
  return customGradient([x, ...floats], ([input, ...own], save) => {
    // What was made in the scope of a differentiation outlives it only where it is saved.
    save([input!, ...own, ...others]);
    return {
      value: f(input!, nestOf(own, others), random),
      gradient: (dy, [kept, ...saved]) => {
        const xs = [after(kept!, dy), ...saved.slice(0, own.length)];
        const rest = saved.slice(own.length);
        const found = gradientsOf(() => f(xs[0]!, nestOf(xs.slice(1), rest), again?.fork()), xs, dy);
        return found.map((gradient, i) => gradient ?? tf.zerosLike(xs[i]!));
      },
    };
  });
}
