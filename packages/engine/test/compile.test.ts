import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  adamControl,
  adamUpdate,
  compile,
  dropout,
  embedding,
  layerNorm,
  linear,
  memory,
  randomKey,
  randomSource,
  RandomStream,
  selectBackend,
  softmaxCrossEntropy,
  tf,
} from '../src/index.ts';

const BACKENDS = ['cpu', 'ort'] as const;

/** Five training steps of a small classifier over embedded ids, with dropout and Adam: losses and parameters. */
function train(): { losses: number[]; table: number[] } {
  const [B, V, D] = [6, 11, 8];
  const random = RandomStream.fromSeed(4);
  const draw = (...shape: number[]) =>
    tf.variable(
      tf.tensor(
        Float32Array.from({ length: shape[0]! * (shape[1] ?? 1) }, () => random.normal()),
        shape,
      ),
    );
  const [table, weight, gamma, beta] = [draw(V, D), draw(V, D), draw(D), draw(D)];
  const parameters = [table, weight, gamma, beta];
  const moments = parameters.map(
    (p) => [tf.variable(tf.zerosLike(p)), tf.variable(tf.zerosLike(p))] as const,
  );
  const step = compile(
    (
      { ids, labels }: { ids: tf.Tensor; labels: tf.Tensor },
      key: tf.Tensor,
      control: tf.Tensor,
      rate: number,
    ) => {
      const source = randomSource(key);
      const { value, grads } = tf.variableGrads(() => {
        const x = dropout(layerNorm(embedding(table, ids), gamma, beta), rate, source);
        return tf.mean<tf.Scalar>(softmaxCrossEntropy(linear(x, weight), labels));
      }, parameters);
      parameters.forEach((variable, i) => {
        const [m, v] = moments[i]!;
        adamUpdate({ value: variable, m, v, gradient: grads[variable.name]!, control });
      });
      return { loss: value, rate };
    },
    { name: 'train' },
  );
  const ids = tf.tensor1d([0, 3, 3, 10, 7, 3], 'int32');
  const labels = tf.tensor1d([1, 2, 3, 4, 5, 6].slice(0, B), 'int32');
  const settings = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };
  const losses: number[] = [];
  const before = memory();
  for (let t = 1; t <= 5; t++) {
    const inputs = [randomKey(random, t), tf.tensor1d(adamControl({ ...settings, step: t }))] as const;
    const result = step({ ids, labels }, ...inputs, 0.3);
    expect(result.rate).toBe(0.3);
    losses.push(result.loss.dataSync()[0]!);
    tf.dispose([...inputs, result.loss]);
  }
  expect(memory().tensors).toBe(before.tensors);
  const values = Array.from(table.dataSync());
  step.dispose();
  tf.dispose([...parameters, ...moments.flat(), ids, labels]);
  return { losses, table: values };
}

describe('compile on cpu and ort', () => {
  it('trains to the same losses and parameters, dropout included', async () => {
    await selectBackend('cpu');
    const eager = train();
    await selectBackend('ort');
    const compiled = train();
    expect(new Set(eager.losses).size).toBe(5);
    eager.losses.forEach((loss, i) => {
      expect(Math.abs(compiled.losses[i]! - loss)).toBeLessThan(1e-5 * loss);
    });
    eager.table.forEach((value, i) => {
      expect(Math.abs(compiled.table[i]! - value)).toBeLessThan(1e-5);
    });
  });
});

/** A variable and nothing else: tf.variable leaves its initial value for the caller to dispose. */
function variableOf(values: number[], name?: string): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor1d(values), true, name));
}

describe.each(BACKENDS)('compile on %s', (backend) => {
  let tensors = 0;
  beforeAll(async () => {
    await selectBackend(backend);
    tensors = memory().tensors;
  });
  afterAll(() => {
    // Neither results nor errors may leave a tensor or a variable behind.
    expect(memory().tensors).toBe(tensors);
  });

  it('takes and returns nests, and passes static values through', () => {
    const f = compile((x: { a: tf.Tensor; b: [tf.Tensor, number] }, mode: string) => ({
      sum: [tf.add(x.a, x.b[0])],
      scaled: mode === 'twice' ? tf.mul(x.a, 2 * x.b[1]) : null,
      mode,
    }));
    const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([10, 20])];
    const result = f({ a, b: [b, 3] }, 'twice');
    expect(Array.from(result.sum[0]!.dataSync())).toEqual([11, 22]);
    expect(Array.from(result.scaled!.dataSync())).toEqual([6, 12]);
    expect(result.mode).toBe('twice');
    const other = f({ a, b: [b, 3] }, 'once');
    expect(other.scaled).toBeNull();
    tf.dispose([a, b, result.sum, other.sum, result.scaled!]);
    f.dispose();
  });

  it('returns tensors of the caller: disposing one harms neither arguments, variables nor other results', () => {
    const state = variableOf([5, 6]);
    const outside = tf.tensor1d([7, 8]);
    const f = compile((x: tf.Tensor) => {
      const y = tf.add(x, 1);
      return [x, y, y, state, outside];
    });
    const x = tf.tensor1d([1, 2]);
    const [same, first, second, read, constant] = f(x) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    tf.dispose([same, first]);
    expect(Array.from(second.dataSync())).toEqual([2, 3]);
    tf.tidy(() => {
      state.assign(tf.mul(state, 2));
    });
    expect(Array.from(read.dataSync())).toEqual([5, 6]);
    tf.dispose([second, read, constant]);
    expect([x, state, outside].map((t) => Array.from(t.dataSync()))).toEqual([
      [1, 2],
      [10, 12],
      [7, 8],
    ]);
    tf.dispose([x, state, outside]);
    f.dispose();
  });

  it('lets the body dispose its own view of an argument only', () => {
    const f = compile((x: tf.Tensor) => {
      const y = tf.mul(x, 2);
      x.dispose();
      return y;
    });
    const x = tf.tensor1d([4]);
    const y = f(x);
    expect([x.dataSync()[0], y.dataSync()[0]]).toEqual([4, 8]);
    tf.dispose([x, y]);
    f.dispose();
  });

  it('swaps variables: values are taken before any is changed', () => {
    const [a, b] = [variableOf([1]), variableOf([2])];
    const swap = compile(() => {
      const old = tf.clone(a);
      a.assign(b);
      b.assign(old);
      return tf.add(a, b);
    });
    const sums = [swap(), swap(), swap()];
    expect([a.dataSync()[0], b.dataSync()[0]]).toEqual([2, 1]);
    expect(sums.map((sum) => sum.dataSync()[0])).toEqual([3, 3, 3]);
    tf.dispose([a, b, ...sums]);
    swap.dispose();
  });

  it('returns and assigns the value a parameter had before adamUpdate moves it in place', () => {
    const [value, m, v, shadow] = [
      variableOf([1, 1]),
      variableOf([0, 0]),
      variableOf([0, 0]),
      variableOf([7, 7]),
    ];
    const control = tf.tensor1d(
      adamControl({ learningRate: 0.5, beta1: 0.9, beta2: 0.999, epsilon: 0, weightDecay: 0, step: 1 }),
    );
    const f = compile((gradient: tf.Tensor) => {
      const old = tf.clone(value);
      shadow.assign(old);
      adamUpdate({ value, m, v, gradient, control });
      return [old, value] as tf.Tensor[];
    });
    const gradient = tf.ones([2]);
    const [old, moved] = f(gradient) as [tf.Tensor, tf.Tensor];
    // The first step of Adam moves by the learning rate whatever the gradient: 1 - 0.5.
    expect([old, moved, value, shadow].map((t) => t.dataSync()[0]!.toFixed(5))).toEqual([
      '1.00000',
      '0.50000',
      '0.50000',
      '1.00000',
    ]);
    tf.dispose([value, m, v, shadow, control, gradient, old, moved]);
    f.dispose();
  });

  const inner = compile((x: tf.Tensor) => tf.neg(x), { name: 'inner' });
  it.each<[string, (x: tf.Tensor) => unknown, RegExp]>([
    ['reads a result', (x) => tf.add(x, x).dataSync(), /^compile: 'f' reads the value of a tensor/],
    ['reads an argument', (x) => x.arraySync(), /^compile: 'f' reads the value of a tensor/],
    ['reads asynchronously', (x) => tf.neg(x).data(), /^compile: 'f' reads the value of a tensor/],
    ['reads a constant', () => tf.tensor1d([1]).dataSync(), /^compile: 'f' reads the value of a tensor/],
    ['draws a random tensor', () => tf.randomUniform([2]), /^compile: 'f' draws from Math\.random/],
    ['uses tf.dropout', (x) => tf.dropout(x, 0.5), /^compile: 'f' draws from Math\.random/],
    ['makes a variable', (x) => tf.variable(x, true, 'made'), /^compile: 'f' created the variable 'made'/],
    ['calls a compiled function', (x) => inner(x), /^compile: 'inner' was called inside 'f'/],
    ['returns a function', () => [() => 1], /^compile: the result of 'f' at result\[0\] must be a tensor/],
    [
      'returns a map',
      () => ({ a: new Map() }),
      /^compile: the result of 'f' at result\.a must be .* got Map$/,
    ],
    [
      'throws',
      () => {
        throw new RangeError('my own');
      },
      /^my own$/,
    ],
    ['multiplies vectors', (x) => tf.matMul(x, x), /matMul: .*inner/],
    [
      'multiplies shapes that do not fit',
      (x) => tf.matMul(tf.reshape(x, [1, 2]), tf.reshape(x, [1, 2])),
      /matMul: .*inner/,
    ],
  ])('fails when the body %s, and works again after', (_, fn, message) => {
    const x = tf.tensor1d([1, 2]);
    const f = compile(fn, { name: 'f' });
    expect(() => f(x)).toThrow(message);
    const g = compile((y: tf.Tensor) => tf.neg(y));
    const y = g(x);
    expect(Array.from(y.dataSync())).toEqual([-1, -2]);
    tf.dispose([x, y]);
    f.dispose();
    g.dispose();
    expect(Math.random()).toBeLessThan(1);
  });

  it('fails when the body disposes a variable', () => {
    const state = variableOf([1], 'doomed');
    const f = compile(
      () => {
        state.dispose();
      },
      { name: 'f' },
    );
    expect(() => {
      f();
    }).toThrow(/^compile: 'f' disposed the variable 'doomed'/);
    f.dispose();
  });

  it('fails on an argument that is no nest of tensors and plain values, and after dispose', () => {
    const f = compile((x: unknown) => x, { name: 'f' });
    expect(() => f({ a: [new Date(0)] })).toThrow(
      /^compile: an argument of 'f' at args\[0\]\.a\[0\] must be .* got Date$/,
    );
    f.dispose();
    expect(() => f(1)).toThrow(/^compile: 'f' was disposed$/);
  });
});
