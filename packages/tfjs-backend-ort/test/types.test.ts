import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { compile, registerOrtBackend } from '../src/index.ts';

beforeAll(() => {
  registerOrtBackend({ threads: 1 });
});
afterAll(() => tf.setBackend('cpu'));

type DType = 'float32' | 'int32' | 'bool';
const TYPES: DType[] = ['float32', 'int32', 'bool'];
const tensor = (dtype: DType, which: number) =>
  tf.tensor2d(dtype === 'bool' ? [1, which, which, 1] : which ? [2, 1, 3, 2] : [1, 3, 0, 2], [2, 2], dtype);

const UNARY: Record<string, (x: tf.Tensor) => tf.Tensor | tf.Tensor[]> = {
  abs: tf.abs,
  neg: tf.neg,
  square: tf.square,
  sign: tf.sign,
  ceil: tf.ceil,
  floor: tf.floor,
  round: tf.round,
  relu: tf.relu,
  relu6: tf.relu6,
  sqrt: tf.sqrt,
  exp: tf.exp,
  sigmoid: tf.sigmoid,
  tanh: tf.tanh,
  step: (x) => tf.step(x),
  clip: (x) => tf.clipByValue(x, 0, 2),
  sum: (x) => tf.sum(x, 1),
  mean: (x) => tf.mean(x, 1),
  max: (x) => tf.max(x, 1),
  min: (x) => tf.min(x, 1),
  prod: (x) => tf.prod(x, 1),
  argMax: (x) => tf.argMax(x, 1),
  argMin: (x) => tf.argMin(x, 1),
  cumsum: (x) => tf.cumsum(x, 1),
  cumprod: (x) => tf.cumprod(x, 1),
  softmax: (x) => tf.softmax(tf.cast(x, 'float32')),
  transpose: (x) => tf.transpose(x),
  reverse: (x) => tf.reverse(x, 1),
  tile: (x) => tf.tile(x, [1, 2]),
  pad: (x) =>
    tf.pad(x, [
      [1, 0],
      [0, 1],
    ]),
  mirrorPad: (x) =>
    tf.mirrorPad(
      x,
      [
        [1, 0],
        [0, 1],
      ],
      'reflect',
    ),
  slice: (x) => tf.slice(x, [0, 1], [2, 1]),
  stridedSlice: (x) => tf.stridedSlice(x, [0, 1], [2, 2], [1, 1]),
  split: (x) => tf.split(x, 2, 1),
  unstack: (x) => tf.unstack(x),
  expand: (x) => tf.broadcastTo(tf.slice(x, [0, 0], [1, 2]), [3, 2]),
  gather: (x) => tf.gather(x, tf.tensor1d([1, 0], 'int32')),
  topk: (x) => tf.topk(x, 1).values,
  isNaN: (x) => tf.isNaN(x),
  zerosLike: tf.zerosLike,
  onesLike: tf.onesLike,
  // tfjs's cpu backend makes float32 of it.
  segments: (x) => tf.cast(tf.unsortedSegmentSum(x, tf.tensor1d([0, 0], 'int32'), 2), 'float32'),
  scatter: (x) => tf.scatterND(tf.tensor2d([1, 0], [2, 1], 'int32'), x, [3, 2]),
  diag: (x) => tf.diag(x),
  any: (x) => tf.any(tf.cast(x, 'bool'), 1),
  addN: (x) => tf.addN([x, x]),
};
const BINARY: Record<string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  // Of booleans the cpu backend makes a boolean, TensorFlow a number.
  div: (a, b) => tf.cast(tf.div(a, b), 'float32'),
  floorDiv: tf.floorDiv,
  mod: tf.mod,
  pow: tf.pow,
  maximum: tf.maximum,
  minimum: tf.minimum,
  squaredDifference: tf.squaredDifference,
  atan2: tf.atan2,
  greater: tf.greater,
  greaterEqual: tf.greaterEqual,
  less: tf.less,
  lessEqual: tf.lessEqual,
  equal: tf.equal,
  notEqual: tf.notEqual,
  logicalAnd: (a, b) => tf.logicalAnd(tf.cast(a, 'bool'), tf.cast(b, 'bool')),
  matMul: (a, b) => tf.matMul(a, b),
  concat: (a, b) => tf.concat([a, tf.cast(b, a.dtype)]),
  stack: (a, b) => tf.stack([a, tf.cast(b, a.dtype)]),
  where: (a, b) => tf.where(tf.cast(a, 'bool'), a, tf.cast(b, a.dtype)),
  prelu: tf.prelu,
};

type Answer = { dtype: string; values: number[] };

/** `tf.tidy` for what holds no tensors. */
function tidied(body: () => Answer[]): Answer[] {
  let answers: Answer[] = [];
  tf.tidy(() => {
    answers = body();
  });
  return answers;
}

function read(results: tf.Tensor | tf.Tensor[]): Answer[] {
  return [results].flat().map((t) => ({
    dtype: t.dtype,
    // A bool is 0 or 1; tfjs's cpu backend has 2 for the sum of two and 255 for -1.
    values: Array.from(t.dataSync(), (v) => (t.dtype === 'bool' ? Number(v !== 0) : v)),
  }));
}

async function compare(
  run: (...x: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  make: () => tf.Tensor[],
): Promise<void> {
  await tf.setBackend('cpu');
  let wanted: Answer[] | undefined;
  try {
    wanted = tidied(() => read(run(...make())));
  } catch {
    // What tfjs refuses is no concern of ours.
    return;
  }
  await tf.setBackend('ort');
  const compiled = compile(run);
  for (const f of [run, compiled]) {
    const found = tidied(() => read(f(...make())));
    expect(found.map(({ dtype }) => dtype)).toEqual(wanted.map(({ dtype }) => dtype));
    found.forEach(({ values }, i) => {
      values.forEach((value, j) => {
        const other = wanted[i]!.values[j]!;
        if (Number.isFinite(other)) expect(value).toBeCloseTo(other, 5);
        else expect(value).toBe(other);
      });
    });
  }
  compiled.dispose();
}

describe('every type that tfjs answers for is answered for', () => {
  it.each(Object.keys(UNARY).flatMap((name) => TYPES.map((dtype) => [name, dtype] as const)))(
    '%s of %s',
    async (name, dtype) => {
      await compare(UNARY[name]!, () => [tensor(dtype, 0)]);
    },
  );
  it.each(
    Object.keys(BINARY).flatMap((name) => TYPES.flatMap((a) => TYPES.map((b) => [name, a, b] as const))),
  )('%s of %s and %s', async (name, a, b) => {
    await compare(BINARY[name]!, () => [tensor(a, 0), tensor(b, 1)]);
  });
});
