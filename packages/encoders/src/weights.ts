/**
 * Tables of weights. A family writes its weights once, as a tree: the keys are Ferry's names, each leaf says the
 * checkpoint's name, the shape and the first values. From the tree come the parameters and their type, loading, saving
 * and every check.
 *
 * Weights keep PyTorch's shapes ([outputs, inputs], convolutions [O, I, kh, kw]), so that nothing is transposed on
 * the way in or out.
 */
import { type RandomStream, tf } from '@ferry/engine';
import { init, type Initializer, parameter, type Parameters } from '@ferry/nn';

/** One weight: where it is found, how large it is, how it begins. */
export class Weight {
  /** Its name in a checkpoint. */
  readonly theirs: string;
  /** Its shape, PyTorch's. */
  readonly shape: readonly number[];
  /** First values of an encoder that is trained from nothing. */
  readonly first: Initializer;
  /** A running statistic rather than a weight: saved and loaded, never trained. */
  readonly isBuffer: boolean;

  constructor(theirs: string, shape: readonly number[], first: Initializer, isBuffer = false) {
    this.theirs = theirs;
    this.shape = shape;
    this.first = first;
    this.isBuffer = isBuffer;
  }
}

/** Weights as a tree; what is undefined is not there. */
export type WeightTree = { readonly [name: string]: Weight | WeightTree | undefined };

/** The tensors of a table: the same tree, a tensor at each leaf. */
export type Tensors<Tree> = {
  readonly [Name in keyof Tree]: Tree[Name] extends Weight
    ? tf.Tensor
    : Tree[Name] extends Weight | undefined
      ? tf.Tensor | undefined
      : Tree[Name] extends undefined
        ? undefined
        : Tensors<Exclude<Tree[Name], undefined>> | Extract<Tree[Name], undefined>;
};

/** First weights of BERT and its kin: normal with this deviation, biases 0. */
const standard = init.normal(0.02);

/** A matrix or a table, [rows, columns]. */
export function matrix(theirs: string, rows: number, columns: number, first: Initializer = standard): Weight {
  return new Weight(theirs, [rows, columns], first);
}

/** A linear layer `name.weight` [outputs, inputs] with `name.bias` [outputs]. */
export function dense(theirs: string, inputs: number, outputs: number): { weight: Weight; bias: Weight } {
  return {
    weight: matrix(`${theirs}.weight`, outputs, inputs),
    bias: new Weight(`${theirs}.bias`, [outputs], init.zeros),
  };
}

/** A layer normalisation of width D: gain 1 and bias 0 at first. */
export function norm(theirs: string, width: number): { weight: Weight; bias: Weight } {
  return {
    weight: new Weight(`${theirs}.weight`, [width], init.ones),
    bias: new Weight(`${theirs}.bias`, [width], init.zeros),
  };
}

/** Layers by number, '0' first. */
export function numbered<Tree extends WeightTree>(
  count: number,
  layer: (i: number) => Tree,
): Readonly<Record<string, Tree>> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [String(i), layer(i)]));
}

/** Weights of a table by Ferry's names, dotted. */
export function flattenTable(tree: WeightTree, prefix = ''): Map<string, Weight> {
  const found = new Map<string, Weight>();
  for (const [key, value] of Object.entries(tree)) {
    if (value instanceof Weight) found.set(prefix + key, value);
    else if (value)
      for (const [name, weight] of flattenTable(value, `${prefix}${key}.`)) found.set(name, weight);
  }
  return found;
}

/** Parameters of a table, their values by name. */
export function createParameters(
  tree: WeightTree,
  values: (name: string, weight: Weight) => Float32Array,
  prefix = '',
): Parameters {
  const made: Record<string, tf.Variable | Parameters> = {};
  for (const [key, value] of Object.entries(tree))
    if (value instanceof Weight) made[key] = parameter(values(prefix + key, value), value.shape);
    else if (value) made[key] = createParameters(value, values, `${prefix}${key}.`);
  return made;
}

/** First values; each weight draws from a stream of its name, so that adding one changes no other. */
export function firstValues(random: RandomStream): (name: string, weight: Weight) => Float32Array {
  return (name, { first, shape }) => first(shape, random.split(name));
}
