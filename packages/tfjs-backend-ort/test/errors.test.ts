import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { adamControl, adamUpdate, compile, registerOrtBackend } from '../src/index.ts';

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

function variable(name: string, ...values: number[]): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor1d(values), true, name));
}

/** Calls with a vector of two. */
function call<T>(f: (x: tf.Tensor) => T): T {
  const x = tf.tensor1d([1, 2]);
  try {
    return f(x);
  } finally {
    x.dispose();
  }
}

describe('reading a value while being traced', () => {
  it('names the operation that made the tensor, and the function', () => {
    const f = compile((x: tf.Tensor) => tf.mul(x, tf.exp(x).dataSync()[0]!), { name: 'step' });
    expect(() => call(f)).toThrow(
      /'step' reads the value of a tensor \(result of Exp\) while it is being traced/,
    );
    const g = compile((x: tf.Tensor) => tf.mul(x, x.arraySync() as number[]), { name: 'loss' });
    expect(() => call(g)).toThrow(/'loss' reads the value of a tensor \(an argument\)/);
  });

  it('rejects where the value is asked for later', async () => {
    let asked: Promise<unknown> | undefined;
    const f = compile((x: tf.Tensor) => {
      asked = tf.neg(x).data();
      return x;
    });
    call((x) => {
      f(x).dispose();
    });
    await expect(asked).rejects.toThrow(/reads the value of a tensor|disposed/);
    f.dispose();
  });
});

describe('an exception in the function', () => {
  it('puts variables, tensors and the tape back, and the function can be called again', () => {
    const state = variable('state', 1, 2);
    let broken = true;
    const f = compile((x: tf.Tensor) => {
      state.assign(tf.add(state, x));
      tf.variableGrads(() => tf.sum(tf.mul(state, x)), [state]);
      tf.exp(x);
      if (broken) throw new Error('on purpose');
      return tf.add(state, 0);
    });
    const counts = tf.memory();
    for (let i = 0; i < 3; i++) {
      expect(() => call(f)).toThrow('on purpose');
      expect(Array.from(state.dataSync())).toEqual([1, 2]);
      expect(tf.memory().numTensors).toBe(counts.numTensors);
      expect(tf.memory().numDataBuffers).toBe(counts.numDataBuffers);
    }
    broken = false;
    call((x) => {
      f(x).dispose();
    });
    expect(Array.from(state.dataSync())).toEqual([2, 4]);
    // Eager work goes on as before.
    expect(tf.tidy(() => Array.from(tf.neg(state).dataSync()))).toEqual([-2, -4]);
    f.dispose();
  });
});

describe('variables inside the function', () => {
  it('cannot be created', () => {
    const f = compile(
      (x: tf.Tensor) => {
        const made = tf.variable(x, true, 'slot');
        return tf.add(made, 1);
      },
      { name: 'step' },
    );
    expect(() => call(f)).toThrow(/'step' created the variable 'slot' while being traced/);
    expect(() => call(f)).toThrow(/'slot'/);
  });

  it('cannot be disposed', () => {
    const state = variable('kept', 1, 2);
    const f = compile(
      (x: tf.Tensor) => {
        state.dispose();
        return tf.neg(x);
      },
      { name: 'step' },
    );
    expect(() => call(f)).toThrow(/'step' disposed the variable 'kept' while being traced/);
  });
});

describe('calls that cannot be', () => {
  it('of a compiled function inside another name both', () => {
    const inner = compile((x: tf.Tensor) => tf.neg(x), { name: 'inner' });
    const outer = compile((x: tf.Tensor) => inner(x), { name: 'outer' });
    expect(() => call(outer)).toThrow(/'inner' was called while 'outer' is being traced/);
    call((x) => {
      const y = inner(x);
      expect(Array.from(y.dataSync())).toEqual([-1, -2]);
      y.dispose();
    });
    inner.dispose();
  });

  it('after dispose say so', () => {
    const f = compile((x: tf.Tensor) => tf.neg(x), { name: 'gone' });
    call((x) => {
      f(x).dispose();
    });
    f.dispose();
    expect(() => call(f)).toThrow("'gone' was disposed");
    expect(f.programs()).toEqual([]);
    f.dispose();
  });

  it('with an argument that was disposed name it', () => {
    const f = compile((nest: { pair: tf.Tensor[] }) => tf.add(nest.pair[0]!, nest.pair[1]!), {
      name: 'step',
    });
    const [x, y] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])];
    f({ pair: [x, y] }).dispose();
    y.dispose();
    expect(() => f({ pair: [x, y] })).toThrow(
      "compile: an argument of 'step' at args[0].pair[1] was disposed",
    );
    x.dispose();
    f.dispose();
  });

  it('with a tensor disposed inside name where it is met', () => {
    const returned = compile(
      (x: tf.Tensor) => {
        const y = tf.neg(x);
        y.dispose();
        return [y];
      },
      { name: 'step' },
    );
    expect(() => call(returned)).toThrow("compile: the result of 'step' at result[0] was disposed");
    const outer = tf.tensor1d([1, 2]);
    outer.dispose();
    const captured = compile((x: tf.Tensor) => tf.add(x, outer));
    expect(() => call(captured)).toThrow('Add: a tensor that it reads was disposed');
    expect(() => call((x) => tf.mul(x, outer))).toThrow('Multiply: a tensor that it reads was disposed');
    expect(() => tf.reshape(outer, [2, 1])).toThrow('Reshape: a tensor that it reads was disposed');
  });

  it('on another backend name it', async () => {
    const f = compile((x: tf.Tensor) => tf.neg(x), { name: 'step' });
    await tf.setBackend('cpu');
    expect(() => call(f)).toThrow("'step': needs the 'ort' backend, the current one is 'cpu'");
    await tf.setBackend('ort');
  });

  it('that read a parameter after its update are refused', () => {
    const [value, m, v] = [variable('value', 1, 2), variable('m', 0, 0), variable('v', 0, 0)];
    const control = tf.tensor1d(
      adamControl({ learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step: 1 }),
    );
    const f = compile((x: tf.Tensor) => {
      adamUpdate({ value, m, v, gradient: x, control });
      return tf.exp(value);
    });
    expect(() => call(f)).toThrow(/Exp reads a parameter after adamUpdate changed it/);
    control.dispose();
  });

  it('of a kernel that the backend lacks name it', () => {
    const missing = "Kernel 'Unique' not registered for backend 'ort'";
    expect(() => call((x) => tf.unique(x))).toThrow(missing);
    const f = compile((x: tf.Tensor) => tf.unique(x).values);
    expect(() => call(f)).toThrow(missing);
  });

  it('with shapes or types that do not fit fail with the kernel or the shapes', () => {
    const f = compile((x: tf.Tensor) => tf.add(x, tf.ones([3])));
    expect(() => call(f)).toThrow(/shapes.*2.*3|broadcast/);
    expect(() => tf.tensor1d(['a'], 'string')).toThrow('tensors of type string are not supported');
  });
});

describe('graph kernels', () => {
  it('say what they cannot do', () => {
    tf.tidy(() => {
      const image = tf.ones<tf.Rank.R4>([1, 4, 4, 1]);
      expect(() => tf.maxPool(image, 2, 1, 2)).toThrow(
        /MaxPool: padding must be smaller than the window \[2, 2\]/,
      );
      expect(() => tf.einsum('ij,jk->ik', tf.ones([2, 3]), tf.ones([4, 2]))).toThrow(
        /Einsum: axis 'j' must have one length, got 3 and 4/,
      );
    });
  });
});

describe('a value that there is no room for', () => {
  const names =
    /'outer' ran out of memory\. The largest of the \d+ values that it makes, \[1000000, 1000000\] float32 of \w+, takes 3725\.29 GiB/;
  const outer = (body: (product: tf.Tensor) => tf.Tensor) => {
    const [column, row] = [tf.ones([1e6, 1]), tf.ones([1, 1e6])];
    const f = compile((a: tf.Tensor2D, b: tf.Tensor2D) => body(tf.matMul(a, b)), { name: 'outer' });
    try {
      return () => {
        f(column as tf.Tensor2D, row as tf.Tensor2D).dispose();
      };
    } finally {
      cleanup = () => {
        tf.dispose([column, row]);
        f.dispose();
      };
    }
  };
  let cleanup = (): void => undefined;
  afterEach(() => {
    cleanup();
  });

  it.each([
    ['within a function', (product: tf.Tensor) => tf.sum(product)],
    ['as a result', (product: tf.Tensor) => product],
    [
      'between a session and a host kernel',
      (product: tf.Tensor) => tf.sum(tf.unsortedSegmentSum(product, tf.zeros<tf.Rank.R1>([1e6], 'int32'), 2)),
    ],
  ])('%s: the error names it and its size', (_name, body) => {
    expect(outer(body)).toThrow(names);
  });
});
