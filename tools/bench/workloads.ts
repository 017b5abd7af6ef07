// The training steps that tools/bench/engine.ts times, written with the packages as any model is. The PyTorch twin of each
// is in tools/parity/engine_bench.py.
import {
  compile,
  dropout,
  embedding,
  layerNorm,
  linear,
  randomKey,
  randomSource,
  RandomStream,
  softmaxCrossEntropy,
  tf,
} from '@ferry/engine';
import {
  createDecoderLayer,
  createEncoderLayer,
  createLayerNorm,
  createLinear,
  createOptimizer,
  flattenParameters,
  transformerDecoderLayer,
  transformerEncoderLayer,
  type Parameters,
} from '@ferry/nn';

/** Sizes of one timed step. */
export interface Workload {
  name: string;
  kind: 'transformer' | 'missrec' | 'ranking' | 'identity' | 'scale';
  B: number;
  L: number;
  /** Dropout rate. */
  rate: number;
}

export const D = 300;
export const H = 4;
export const INNER = 256;
export const F = 512;
export const ITEMS = 4386;
export const INTERESTS = 64;
export const Q = 11;

export const WORKLOADS: Workload[] = [
  { name: 'transformer-2+2', kind: 'transformer', B: 256, L: 20, rate: 0 },
  { name: 'transformer-2+2-dropout', kind: 'transformer', B: 256, L: 20, rate: 0.5 },
  { name: 'missrec-L20', kind: 'missrec', B: 512, L: 20, rate: 0 },
  { name: 'missrec-L20-dropout', kind: 'missrec', B: 512, L: 20, rate: 0.5 },
  { name: 'missrec-L50', kind: 'missrec', B: 512, L: 50, rate: 0 },
  { name: 'missrec-L50-dropout', kind: 'missrec', B: 512, L: 50, rate: 0.5 },
  // 8,442 users ranked over 25,986 items of width D, the 50 best of each, B users at a time.
  { name: 'ranking-top50', kind: 'ranking', B: 512, L: 0, rate: 0 },
  // What a call costs: 300 state tensors of B numbers that a step returns as they are, or multiplies.
  { name: 'identity-300', kind: 'identity', B: 1000, L: 0, rate: 0 },
  { name: 'scale-300', kind: 'scale', B: 1000, L: 0, rate: 0 },
];

const RANKED_USERS = 8442;
const RANKED_ITEMS = 25_986;
const STATES = 300;

/** A training step ready to be called again and again; returns the loss. */
export interface Prepared {
  step: () => number;
  dispose: () => void;
}

/** Builds a workload on the current backend. */
export function prepare(workload: Workload): Prepared {
  switch (workload.kind) {
    case 'transformer':
      return prepareTransformer(workload);
    case 'missrec':
      return prepareMissrec(workload);
    case 'ranking':
      return prepareRanking(workload);
    default:
      return prepareStates(workload);
  }
}

function prepareRanking({ name, B }: Workload): Prepared {
  const random = RandomStream.fromSeed(2020);
  const normal = (rows: number) => Float32Array.from({ length: rows * D }, () => random.normal());
  const items = tf.tensor2d(normal(RANKED_ITEMS), [RANKED_ITEMS, D]);
  const users = normal(RANKED_USERS);
  const best = compile((u: tf.Tensor) => tf.topk(tf.matMul(u, items, false, true), 50).indices, { name });
  return {
    step: () => {
      let sum = 0;
      for (let from = 0; from < RANKED_USERS; from += B) {
        const size = Math.min(B, RANKED_USERS - from);
        const block = tf.tensor2d(users.subarray(from * D, (from + size) * D), [size, D]);
        const indices = best(block);
        sum += indices.dataSync()[0]!;
        tf.dispose([block, indices]);
      }
      return sum;
    },
    dispose: () => {
      best.dispose();
      items.dispose();
    },
  };
}

function prepareStates({ name, kind, B }: Workload): Prepared {
  const states = Array.from({ length: STATES }, (_, i) => tf.variable(tf.fill([B], i)));
  const call = compile(
    () => {
      if (kind === 'identity') return states.map((state) => tf.clone(state));
      for (const state of states) state.assign(tf.mul(state, 1.0001));
      return [];
    },
    { name },
  );
  return {
    step: () => {
      tf.dispose(call());
      return states[1]!.dataSync()[0]!;
    },
    dispose: () => {
      call.dispose();
      tf.disposeVariables();
    },
  };
}

function unitRows(x: tf.Tensor): tf.Tensor {
  return tf.mul(x, tf.rsqrt(tf.add(tf.sum(tf.square(x), -1, true), 1e-12)));
}

function train(
  name: string,
  parameters: Parameters,
  inputs: tf.Tensor[],
  loss: (inputs: tf.Tensor[], key: tf.Tensor) => tf.Scalar,
): Prepared {
  const variables = flattenParameters(parameters);
  const optimizer = createOptimizer({ kind: 'adam', learningRate: 1e-3 }, variables);
  const compiled = compile(
    (given: tf.Tensor[], key: tf.Tensor) => {
      const { value, grads } = tf.variableGrads(() => loss(given, key), [...variables.values()]);
      optimizer.apply(grads);
      return value;
    },
    { name },
  );
  const stream = RandomStream.fromSeed(1).split('dropout');
  let count = 0;
  return {
    step: () => {
      optimizer.advance(count);
      const key = randomKey(stream, count++);
      const value = compiled(inputs, key);
      const result = value.dataSync()[0]!;
      tf.dispose([key, value]);
      return result;
    },
    dispose: () => {
      compiled.dispose();
      tf.disposeVariables();
      tf.dispose(inputs);
    },
  };
}

function prepareTransformer({ name, B, L, rate }: Workload): Prepared {
  const random = RandomStream.fromSeed(2020);
  const sizes = { width: D, feedForward: INNER };
  const parameters = {
    encoder0: createEncoderLayer(sizes, random),
    encoder1: createEncoderLayer(sizes, random),
    decoder0: createDecoderLayer(sizes, random),
    decoder1: createDecoderLayer(sizes, random),
  };
  const data = (shape: number[]) =>
    tf.tensor(
      Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal()),
      shape,
    );
  const inputs = [data([B, L, D]), data([B, L, D])];
  return train(name, parameters, inputs, ([source, target], key) => {
    const options = { heads: H, rate, random: rate > 0 ? randomSource(key) : undefined };
    let memory: tf.Tensor = source!;
    memory = transformerEncoderLayer(parameters.encoder0, memory, options);
    memory = transformerEncoderLayer(parameters.encoder1, memory, options);
    let y: tf.Tensor = target!;
    y = transformerDecoderLayer(parameters.decoder0, y, memory, options);
    y = transformerDecoderLayer(parameters.decoder1, y, memory, options);
    return tf.mean(tf.square(tf.sub(y, source!)));
  });
}

function prepareMissrec({ name, B, L, rate }: Workload): Prepared {
  const random = RandomStream.fromSeed(2020);
  const sizes = { width: D, feedForward: INNER };
  const normal = (shape: number[], std = 1) =>
    tf.tensor(
      Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => std * random.normal()),
      shape,
    );
  const integers = (size: number, n: number) =>
    Int32Array.from({ length: size }, () => 1 + random.integer(n - 1));
  const parameters = {
    text: createLinear({ inputs: F, outputs: D }, random),
    image: createLinear({ inputs: F, outputs: D }, random),
    position: { weight: tf.variable(normal([50, D], 0.02)) },
    norm: createLayerNorm(D),
    encoder: createEncoderLayer(sizes, random),
    encoderNorm: createLayerNorm(D),
    decoder: createDecoderLayer(sizes, random),
    decoderNorm: createLayerNorm(D),
    alpha: { weight: tf.variable(tf.scalar(0)) },
  };
  const features = [normal([ITEMS, F], 0.4), normal([ITEMS, F], 0.4)];
  const interests = normal([INTERESTS, D]);
  const lengths = Int32Array.from({ length: B }, () => 1 + random.integer(L));
  const ids = integers(B * L, ITEMS).map((id, i) => (i % L < lengths[Math.floor(i / L)]! ? id : 0));
  const inputs = [
    tf.tensor2d(ids, [B, L], 'int32'),
    tf.tensor2d(integers(B * Q, INTERESTS), [B, Q], 'int32'),
    tf.tensor1d(
      lengths.map((length, b) => b * L + length - 1),
      'int32',
    ),
    tf.tensor1d(integers(B, ITEMS), 'int32'),
  ];
  return train(name, parameters, inputs, ([history, tokens, last, targets], key) => {
    const source = rate > 0 ? randomSource(key) : undefined;
    const options = { heads: H, rate, random: source, epsilon: 1e-12 };
    const text = linear(features[0]!, parameters.text.weight, parameters.text.bias);
    const image = linear(features[1]!, parameters.image.weight, parameters.image.bias);
    const hidden = tf.equal(history!, 0);
    const position = tf.slice(parameters.position.weight, [0, 0], [L, D]);
    const sum = tf.add(embedding(tf.add(text, image), history!), position);
    const x = dropout(layerNorm(sum, parameters.norm.weight, parameters.norm.bias, 1e-12), rate, source);
    const memory = layerNorm(
      transformerEncoderLayer(parameters.encoder, embedding(interests, tokens!), options),
      parameters.encoderNorm.weight,
      parameters.encoderNorm.bias,
      1e-12,
    );
    const y = transformerDecoderLayer(parameters.decoder, x, memory, { ...options, hidden });
    const normalised = layerNorm(y, parameters.decoderNorm.weight, parameters.decoderNorm.bias, 1e-12);
    const u = unitRows(embedding(tf.reshape(normalised, [B * L, D]), last!));
    const scoreText = tf.matMul(u, unitRows(text), false, true);
    const scoreImage = tf.matMul(u, unitRows(image), false, true);
    const difference = tf.sub(scoreText, scoreImage);
    const weight = tf.sigmoid(tf.mul(difference, parameters.alpha.weight));
    const fused = tf.add(scoreImage, tf.mul(weight, difference));
    return tf.mean(softmaxCrossEntropy(tf.mul(fused, 1 / 0.07), targets!));
  });
}
