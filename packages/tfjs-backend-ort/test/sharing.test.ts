import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { adamUpdate, compile, registerOrtBackend } from '../src/index.ts';
import { control, SCENARIOS, variable, type Scenario } from './support/sharing.ts';

beforeAll(async () => {
  registerOrtBackend({ threads: 1 });
  await tf.setBackend('ort');
});
afterAll(() => tf.setBackend('cpu'));

let before = { numTensors: 0, numDataBuffers: 0 };
beforeEach(async () => {
  await tf.setBackend('ort');
  before = tf.memory();
});
afterEach(() => {
  tf.disposeVariables();
  const { numTensors, numDataBuffers } = tf.memory();
  expect({ numTensors, numDataBuffers }).toEqual({
    numTensors: before.numTensors,
    numDataBuffers: before.numDataBuffers,
  });
});

/** All values after each step. */
function play(scenario: Scenario, call: (...args: tf.Tensor[]) => tf.Tensor[]): number[][][] {
  const { variables, args, between, held = [] } = scenario;
  const log: number[][][] = [];
  for (let step = 1; step <= 4; step++) {
    const given = args?.(step) ?? [];
    const results = call(...given);
    log.push([...results, ...variables, ...held].map((t) => Array.from(t.dataSync())));
    tf.dispose([...results, ...given.filter((t) => variables.every((v) => v !== t))]);
    between?.();
    log.push([...variables, ...held].map((t) => Array.from(t.dataSync())));
  }
  tf.dispose(held);
  return log;
}

describe('variables and tensors that share data are values of their own', () => {
  it.each(Object.entries(SCENARIOS))('%s', async (_name, make) => {
    await tf.setBackend('cpu');
    const plain = make();
    const expected = play(plain, (...args) =>
      // As the engine runs it eagerly: arguments are values, and so are results.
      tf.tidy(() => plain.body(...args.map((t) => tf.clone(t))).map((t) => tf.clone(t))),
    );
    tf.disposeVariables();
    await tf.setBackend('ort');
    const scenario = make();
    const compiled = compile(scenario.body);
    const actual = play(scenario, (...args) => compiled(...args));
    compiled.dispose();
    expect(actual.length).toBe(expected.length);
    actual.forEach((list, i) => {
      list.forEach((values, j) => {
        values.forEach((value, k) => {
          expect(value, `record ${i}, tensor ${j}, element ${k}`).toBeCloseTo(expected[i]![j]![k]!, 4);
        });
      });
    });
  });
});

/** A training step of gradient descent towards 0 that halves the weights. */
const halving = (weights: tf.Variable) =>
  compile(() => {
    weights.assign(tf.mul(weights, 0.5));
    return tf.add(weights, 0);
  });

describe('arrays that others have are never written into', () => {
  const steps = (f: () => tf.Tensor, count: number) => {
    for (let i = 0; i < count; i++) f().dispose();
  };

  it('the array that a variable was made from', () => {
    const array = Float32Array.of(8, 16);
    const weights = tf.tidy(() => tf.variable(tf.tensor1d(array)));
    const f = halving(weights);
    steps(f, 4);
    expect([...array]).toEqual([8, 16]);
    expect([...weights.dataSync()]).toEqual([0.5, 1]);
    f.dispose();
  });

  it('the array that a variable was assigned', () => {
    const weights = variable([0, 0]);
    const f = halving(weights);
    steps(f, 2);
    const array = Float32Array.of(8, 16);
    tf.tidy(() => {
      weights.assign(tf.tensor1d(array));
    });
    steps(f, 4);
    expect([...array]).toEqual([8, 16]);
    f.dispose();
  });

  it.each(['dataSync', 'data'] as const)('what %s gave, at whatever step', async (reader) => {
    const weights = variable([64, 128]);
    const f = halving(weights);
    const seen: ArrayLike<number>[] = [];
    for (let i = 0; i < 5; i++) {
      seen.push(await weights[reader]());
      steps(f, 1);
    }
    expect(seen.map((values) => values[0])).toEqual([64, 32, 16, 8, 4]);
    f.dispose();
  });

  it('results that the caller keeps, and what they gave', () => {
    const weights = variable([64, 128]);
    const f = halving(weights);
    const results = Array.from({ length: 5 }, () => f());
    const arrays = results.map((t) => t.dataSync());
    steps(f, 3);
    expect(results.map((t) => t.dataSync()[0])).toEqual([32, 16, 8, 4, 2]);
    expect(arrays.map((values) => values[0])).toEqual([32, 16, 8, 4, 2]);
    tf.dispose(results);
    f.dispose();
  });

  it('a result that becomes the value of a variable', () => {
    const weights = variable([64, 128]);
    const f = halving(weights);
    const result = f();
    const array = result.dataSync();
    weights.assign(result);
    result.dispose();
    steps(f, 3);
    expect([...array]).toEqual([32, 64]);
    expect([...weights.dataSync()]).toEqual([4, 8]);
    f.dispose();
  });

  it('arrays of a backend that the variable came from or went to', async () => {
    await tf.setBackend('cpu');
    const weights = variable([64, 128]);
    const onCpu = weights.dataSync();
    await tf.setBackend('ort');
    const f = halving(weights);
    steps(f, 3);
    expect([...onCpu]).toEqual([64, 128]);
    const onOrt = weights.dataSync();
    await tf.setBackend('cpu');
    const moved = tf.tidy(() => tf.mul(weights, 1).dataSync());
    await tf.setBackend('ort');
    steps(f, 3);
    expect([...onOrt]).toEqual([8, 16]);
    expect([...moved]).toEqual([8, 16]);
    expect([...weights.dataSync()]).toEqual([1, 2]);
    f.dispose();
  });

  it('the arrays that parameters and moments of adamUpdate were made from', () => {
    const arrays = [Float32Array.of(1, 2), new Float32Array(2), new Float32Array(2)];
    const [value, m, v] = tf.tidy(() => arrays.map((array) => tf.variable(tf.tensor1d(array))));
    const before = arrays.map((array) => [...array]);
    const f = compile((gradient: tf.Tensor, numbers: tf.Tensor) => {
      adamUpdate({ value: value!, m: m!, v: v!, gradient, control: numbers });
    });
    for (let step = 1; step <= 3; step++) {
      const args = [tf.tensor1d([1, -1]), control(step)] as const;
      f(...args);
      tf.dispose([...args]);
    }
    expect(arrays.map((array) => [...array])).toEqual(before);
    f.dispose();
  });
});

describe('what adamUpdate writes into in place', () => {
  const make = () => [variable([1, 2]), variable([0, 0]), variable([0, 0])] as const;
  const call = (f: (gradient: tf.Tensor, numbers: tf.Tensor) => unknown) => {
    const args = [tf.tensor1d([1, -1]), control(1)] as const;
    try {
      f(...args);
    } finally {
      tf.dispose([...args]);
    }
  };

  it.each<[string, (v: tf.Variable[], g: tf.Tensor, c: tf.Tensor) => void]>([
    [
      'assigned before',
      ([value, m, v], gradient, numbers) => {
        value!.assign(tf.mul(value!, 2));
        adamUpdate({ value: value!, m: m!, v: v!, gradient, control: numbers });
      },
    ],
    [
      'assigned afterwards',
      ([value, m, v], gradient, numbers) => {
        adamUpdate({ value: value!, m: m!, v: v!, gradient, control: numbers });
        value!.assign(gradient);
      },
    ],
    [
      'swapped before',
      ([value, m, v], gradient, numbers) => {
        value!.assign(m!);
        adamUpdate({ value: value!, m: m!, v: v!, gradient, control: numbers });
      },
    ],
    [
      'updated twice',
      ([value, m, v], gradient, numbers) => {
        adamUpdate({ value: value!, m: m!, v: v!, gradient, control: numbers });
        adamUpdate({ value: value!, m: m!, v: v!, gradient, control: numbers });
      },
    ],
  ])('is not %s in the same step', (_what, body) => {
    const variables = make();
    const f = compile(
      (gradient: tf.Tensor, numbers: tf.Tensor) => {
        body([...variables], gradient, numbers);
      },
      { name: 'step' },
    );
    expect(() => {
      call(f);
    }).toThrow(
      /compile: 'step' changes .* by adamUpdate and by something else in one step: update it once, last/,
    );
    expect(variables.map((v) => Array.from(v.dataSync()))).toEqual([
      [1, 2],
      [0, 0],
      [0, 0],
    ]);
    f.dispose();
  });
});
