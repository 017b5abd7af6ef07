import { tf } from '@ferry/engine';
import { matchesAny } from './glob.ts';

/**
 * A tree of trainable tensors. A leaf's name is its path joined by dots, such as
 * `encoder.layers.0.selfAttention.inProjection.weight`; lists are records with keys '0', '1', ...
 */
export type Parameters = {
  /** A tensor, or a subtree; what is undefined is not there. */
  readonly [name: string]: tf.Variable | Parameters | undefined;
};

/**
 * All tensors of a tree under their names, in the order of the tree's keys.
 *
 * @param tree - The parameters.
 * @param prefix - Put before every name, with a dot.
 * @throws Error if a key is empty or contains a dot (names would be ambiguous), or if one variable appears twice.
 */
export function flattenParameters(tree: Parameters, prefix = ''): Map<string, tf.Variable> {
  const found = new Map<string, tf.Variable>();
  collect(tree, prefix, found);
  const names = new Map<tf.Variable, string>();
  for (const [name, variable] of found) {
    const other = names.get(variable);
    if (other !== undefined)
      throw new Error(`flattenParameters: a variable must appear once, got ${other} and ${name}`);
    names.set(variable, name);
  }
  return found;
}

function collect(tree: Parameters, prefix: string, found: Map<string, tf.Variable>): void {
  for (const [key, value] of Object.entries(tree)) {
    if (value === undefined) continue;
    if (key === '' || key.includes('.'))
      throw new Error(
        `flattenParameters: keys must be non-empty and without dots, got "${key}" under "${prefix}"`,
      );
    const name = prefix === '' ? key : `${prefix}.${key}`;
    if (value instanceof tf.Variable) found.set(name, value);
    else collect(value, name, found);
  }
}

/** Options of {@link trainableParameters}. */
export interface FreezeOptions {
  /** Globs (see {@link matchGlob}) of the names to leave out. */
  freeze?: readonly string[];
}

/**
 * The tensors to train: all of a tree but the frozen ones. Differentiate by these and hand them to the optimiser.
 *
 * @throws Error if a glob matches no name (a typing error would otherwise train what should be frozen), or if
 * nothing is left.
 */
export function trainableParameters(
  tree: Parameters,
  { freeze = [] }: FreezeOptions = {},
): Map<string, tf.Variable> {
  const all = flattenParameters(tree);
  for (const pattern of freeze)
    if (![...all.keys()].some((name) => matchesAny(name, [pattern])))
      throw new Error(
        `trainableParameters: every freeze pattern must match a parameter, got "${pattern}" among ` +
          [...all.keys()].join(', '),
      );
  const kept = new Map([...all].filter(([name]) => !matchesAny(name, freeze)));
  if (kept.size === 0)
    throw new Error(
      `trainableParameters: at least one parameter must stay trainable, got freeze ${freeze.join(', ')}`,
    );
  return kept;
}

/** Frees all tensors of a tree. */
export function disposeParameters(tree: Parameters): void {
  for (const variable of flattenParameters(tree).values()) variable.dispose();
}

/**
 * A trainable tensor with the given values.
 *
 * @param values - Row-major, as many as the shape holds.
 * @param shape - Its shape.
 */
export function parameter(values: Float32Array, shape: readonly number[]): tf.Variable {
  // The tensor that carries the first values goes at the end of the tidy; variables outlive it.
  return tf.tidy(() => tf.variable(tf.tensor(values, [...shape], 'float32')));
}
