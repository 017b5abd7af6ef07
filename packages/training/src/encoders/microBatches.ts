/**
 * Training steps whose items pass their encoders in parts, so that the inner activations of one part are all that is in
 * memory (GradCache, Gao et al. 2021): the vectors of all items without gradients; the loss and its gradients, by these
 * vectors too; then part by part the vectors again, and the gradients of the encoders' weights, added up. The update is
 * that of a step that encodes all items together, for one more forward pass.
 *
 * V items of a step, F width of an encoder's vectors.
 */
import { compile, disposeNest, randomKey, randomSource, type RandomStream, tf } from '@ferry/engine';
import type { Optimizer, Parameters } from '@ferry/nn';
import type { ItemEncoders } from './itemEncoder.ts';
import { encodedVectors } from './itemEncoders.ts';
import { type ItemTable, tableTensors } from './itemTable.ts';

/** A loss and what is reported beside it, each []. */
interface Terms {
  loss: tf.Scalar;
  report: tf.Scalar[];
}

/** What {@link createMicroBatches} needs. */
export interface MicroBatchSettings<A extends readonly unknown[]> {
  /** Encoders that are trained with the model. */
  encoders: ItemEncoders | undefined;
  /** What they read of items, by modality and name, row 0 of zeros. */
  content: Readonly<Record<string, ItemTable>> | undefined;
  /** All weights of the model. */
  parameters: Parameters;
  /** What is trained. */
  weights: ReadonlyMap<string, tf.Variable>;
  /** Moves it. */
  optimizer: Optimizer;
  /**
   * The objective.
   *
   * @param content - What is held of the step's items, with `text.vectors` … in place of what encoders read.
   */
  objective: (content: Record<string, tf.Tensor>, ...inputs: A) => Terms;
  /** Of the compiled functions. */
  name: string;
}

/** Steps by parts. */
export interface MicroBatches<A extends readonly unknown[]> {
  /** Items of a part. */
  readonly size: number;
  /**
   * One update.
   *
   * @param numbers - The step's items.
   * @param random - What encoders drop is drawn from it, for each part anew.
   * @returns The reported terms, float32 [terms].
   */
  step(numbers: Int32Array, random: RandomStream, number: number, inputs: A): tf.Tensor;
  /** Frees what was compiled, and the sums of gradients. */
  dispose(): void;
}

/** Tensors by names. */
type Named = Record<string, tf.Tensor>;

/** Entries whose names begin with one of some prefixes, or with none of them. */
function split<T>(
  all: Readonly<Record<string, T>>,
  prefixes: readonly string[],
): [Record<string, T>, Record<string, T>] {
  const [own, rest]: [Record<string, T>, Record<string, T>] = [{}, {}];
  for (const [name, value] of Object.entries(all))
    (prefixes.some((prefix) => name.startsWith(prefix)) ? own : rest)[name] = value;
  return [own, rest];
}

/** Some rows of a tensor of any rank. */
function rowsOf(all: tf.Tensor, begin: number, count: number): tf.Tensor {
  const rest = all.shape.slice(1);
  return tf.slice(all, [begin, ...rest.map(() => 0)], [count, ...rest]);
}

/** Steps by parts, where an encoder that is trained asks for them; else undefined. */
export function createMicroBatches<A extends readonly unknown[]>({
  encoders = {},
  content = {},
  parameters,
  weights,
  optimizer,
  objective,
  name,
}: MicroBatchSettings<A>): MicroBatches<A> | undefined {
  const trained = Object.entries(encoders).filter(([, encoder]) => encoder.trained.length > 0);
  const sizes = trained.flatMap(([, { microBatch }]) => microBatch ?? []);
  if (sizes.length === 0) return undefined;
  const size = Math.min(...sizes);
  const [encoded, plain] = split<ItemTable>(
    content,
    trained.map(([modality]) => `${modality}.`),
  );
  const [ofEncoders, others] = split(
    Object.fromEntries(weights),
    trained.map(([modality]) => `encoders.${modality}.`),
  );
  const sums = Object.fromEntries(
    Object.entries(ofEncoders).map(([key, variable]) => [
      key,
      tf.tidy(() => tf.variable(tf.zeros(variable.shape), false)),
    ]),
  );

  /** Vectors of a part by modality, [size, ...]. */
  const vectorsOf = (part: Named, key: tf.Tensor): Named =>
    encodedVectors(Object.fromEntries(trained), parameters, part, randomSource(key));
  const encode = compile(vectorsOf, { name: `${name}.encode` });
  const differentiate = compile(
    (rest: Named, vectors: Named, ...inputs: A) => {
      const kept: tf.Tensor[] = [];
      const by = [...Object.values(others), ...Object.values(vectors)];
      const { value, grads } = tf.engine().gradients(() => {
        const made = Object.entries(vectors).map(([modality, one]) => [`${modality}.vectors`, one] as const);
        const { loss, report } = objective({ ...rest, ...Object.fromEntries(made) }, ...inputs);
        kept.push(tf.keep(tf.stack(report)));
        return loss;
      }, by);
      const report = tf.clone(kept[0]!);
      tf.dispose([...kept, value]);
      const found = by.map((one, i) => grads[i] ?? tf.zerosLike(one));
      const named = (keys: string[], from: number): Named =>
        Object.fromEntries(keys.map((key, i) => [key, found[from + i]!]));
      const names = Object.keys(others);
      return { report, weights: named(names, 0), vectors: named(Object.keys(vectors), names.length) };
    },
    { name: `${name}.differentiate` },
  );
  const add = compile(
    (part: Named, key: tf.Tensor, gradients: Named, first: boolean) => {
      const loss = (): tf.Scalar => {
        const products = Object.entries(vectorsOf(part, key)).map(([modality, vectors]) =>
          tf.sum<tf.Scalar>(tf.mul(vectors, gradients[modality]!)),
        );
        return tf.addN(products);
      };
      const { value, grads } = tf.variableGrads(loss, Object.values(ofEncoders));
      for (const [name, variable] of Object.entries(ofEncoders)) {
        const gradient = grads[variable.name]!;
        sums[name]!.assign(first ? gradient : tf.add(sums[name]!, gradient));
      }
      return value;
    },
    { name: `${name}.add` },
  );
  const apply = compile(
    (gradients: Named) => {
      const all = Object.entries({ ...gradients, ...sums });
      optimizer.apply(Object.fromEntries(all.map(([name, gradient]) => [weights.get(name)!.name, gradient])));
      return tf.scalar(0);
    },
    { name: `${name}.apply` },
  );

  return {
    size,
    step: (numbers, random, number, inputs) => {
      const begins = Array.from({ length: Math.ceil(numbers.length / size) }, (_, i) => i * size);
      /** Tensors of a part, its key, and what is made of them; the last part is filled up with padding. */
      const withPart = <T>(i: number, f: (part: Named, key: tf.Tensor) => T): T => {
        const own = new Int32Array(size);
        own.set(numbers.subarray(begins[i], begins[i]! + size));
        const part = tableTensors(encoded, own);
        const key = randomKey(random.split('encoders', i), number);
        const made = f(part, key);
        disposeNest([part, key]);
        return made;
      };
      const made = begins.map((_, i) => withPart(i, encode));
      const vectors = tf.tidy(() =>
        Object.fromEntries(
          trained.map(([modality]) => [
            modality,
            rowsOf(tf.concat(made.map((one) => one[modality]!)), 0, numbers.length),
          ]),
        ),
      );
      const rest = tableTensors(plain, numbers);
      const found = differentiate(rest, vectors, ...inputs);
      disposeNest([made, vectors, rest]);
      for (const [i, begin] of begins.entries()) {
        const gradients = tf.tidy(() =>
          Object.fromEntries(
            Object.entries(found.vectors).map(([modality, gradient]) => {
              const own = rowsOf(gradient, begin, Math.min(size, numbers.length - begin));
              const rest = own.shape.slice(1).map((): [number, number] => [0, 0]);
              return [modality, tf.pad(own, [[0, size - own.shape[0]], ...rest])];
            }),
          ),
        );
        withPart(i, (part, key) => add(part, key, gradients, i === 0)).dispose();
        disposeNest(gradients);
      }
      apply(found.weights).dispose();
      disposeNest([found.weights, found.vectors]);
      return found.report;
    },
    dispose: () => {
      for (const one of [encode, differentiate, add, apply]) one.dispose();
      tf.dispose(sums);
    },
  };
}
