import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asOrt } from '../src/backend.ts';
import { adamControl, adamUpdate, compile, randomSource, registerOrtBackend } from '../src/index.ts';
import { probeProvider } from '../src/runtime/providers.ts';
import { tf } from '../src/tfjs.js';

/** Bytes that a piece of work sends to the device and fetches from it. */
async function crossing(work: () => unknown): Promise<{ up: number; down: number }> {
  const { device } = asOrt(tf.backend());
  const before = device!.traffic;
  await work();
  const { up, down } = device!.traffic;
  return { up: up - before.up, down: down - before.down };
}

const numbers = (size: number, start = 0): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(start + i));

const { usable, reason } = probeProvider('webgpu');
if (!usable) console.log(`what stays on a device is not tested here: ${reason}`);

describe.skipIf(!usable)('on a device', () => {
  let tensorsBefore = 0;
  beforeAll(async () => {
    registerOrtBackend({ threads: 1, provider: 'webgpu' });
    await tf.setBackend('ort');
  });
  afterAll(async () => {
    registerOrtBackend({ threads: 1 });
    await tf.setBackend('cpu');
  });
  beforeEach(() => {
    tensorsBefore = tf.memory().numTensors;
  });
  afterEach(() => {
    tf.disposeVariables();
    expect(tf.memory().numTensors - tensorsBefore, 'tensors that the test left').toBe(0);
  });

  it('results outlive the function, and the backend, that made them', async () => {
    const x = tf.tensor1d([1, 2, 3]);
    const twice = compile((given: tf.Tensor) => tf.mul(given, 2));
    const [first, second] = [twice(x), tf.add(x, 1)];
    twice.dispose();
    expect([...(await first.data())]).toEqual([2, 4, 6]);
    registerOrtBackend({ threads: 2, provider: 'webgpu' });
    await tf.setBackend('ort');
    const sum = tf.add(first, second);
    expect([...(await sum.data())]).toEqual([4, 7, 10]);
    tf.dispose([x, first, second, sum]);
  });

  it('state and captured tables cross once, then only arguments and what is read', async () => {
    const weight = tf.tidy(() => tf.variable(tf.tensor2d(numbers(64 * 32), [64, 32])));
    const table = tf.tensor2d(numbers(100 * 64, 5), [100, 64]);
    const step = compile((ids: tf.Tensor1D) => {
      const loss = (): tf.Scalar => tf.mean(tf.square(tf.matMul(tf.gather(table, ids), weight)));
      const { value, grads } = tf.variableGrads(loss, [weight]);
      weight.assign(tf.sub(weight, tf.mul(Object.values(grads)[0]!, 0.1)));
      return value;
    });
    const ids = Array.from({ length: 4 }, (_, i) => tf.tensor1d([i, 2 * i, 99 - i], 'int32'));
    const loss = async (i: number): Promise<number> => {
      const found = step(ids[i]!);
      const [value] = await found.data();
      found.dispose();
      return value!;
    };
    expect(await crossing(() => loss(0))).toEqual({ up: 4 * (64 * 32 + 100 * 64 + 3), down: 4 });
    for (const i of [1, 2, 3]) expect(await crossing(() => loss(i))).toEqual({ up: 12, down: 4 });
    expect(await crossing(() => weight.data())).toEqual({ up: 0, down: 4 * 64 * 32 });
    expect(await crossing(() => weight.data())).toEqual({ up: 0, down: 0 });
    tf.dispose([table, ids]);
    step.dispose();
  });

  it('results go from one function to another without crossing, whatever their form', async () => {
    const x = tf.tensor1d(numbers(24));
    const twice = compile((a: tf.Tensor) => tf.mul(a, 2));
    const summed = compile((a: tf.Tensor) => tf.sum(a, 1));
    const form = (a: tf.Tensor): tf.Tensor => tf.reshape(a, [2, 3, 4]);
    const warm = twice(x);
    const traffic = await crossing(async () => {
      const [first, second] = [twice(x), tf.tidy(() => form(twice(x)))];
      const all = [first, second, summed(second), tf.add(first, first)];
      const sums = await all[2]!.data();
      const wanted = [0, 1, 2, 3].map((k) => 2 * (Math.sin(k) + Math.sin(4 + k) + Math.sin(8 + k)));
      expect(Array.from(sums.slice(0, 4), (v) => v.toFixed(4))).toEqual(wanted.map((v) => v.toFixed(4)));
      tf.dispose(all);
    });
    expect(traffic).toEqual({ up: 0, down: 4 * 8 });
    for (const made of [x, warm, twice, summed]) made.dispose();
  });

  it('the same result twice, an argument, and another form are results of their own', async () => {
    const x = tf.tensor1d(numbers(6));
    const f = compile((a: tf.Tensor) => {
      const twice = tf.mul(a, 2);
      return [twice, twice, tf.reshape(twice, [2, 3]), a];
    });
    const wanted = Array.from(numbers(6), (value) => 2 * value);
    const results = f(x);
    results[0]!.dispose();
    results[3]!.dispose();
    for (const own of [results[1]!, results[2]!]) {
      const found = tf.add(own, 0);
      Array.from(await found.data()).forEach((value, i) => {
        expect(value).toBeCloseTo(wanted[i]!, 5);
      });
      tf.dispose([own, found]);
    }
    expect(Array.from(await x.data())).toEqual([...numbers(6)]);
    x.dispose();
    f.dispose();
  });

  it('what one session finds and another reads stays there, also if it is a result', async () => {
    const rows = tf.tensor2d(numbers(60 * 4), [60, 4]);
    const f = compile((a: tf.Tensor2D) => {
      // Which rows are added is found by the first session and sorted on the host.
      const ids = tf.cast(tf.floor(tf.mul(tf.abs(tf.sum(a, 1)), 3)), 'int32') as tf.Tensor1D;
      const doubled = tf.mul<tf.Tensor2D>(a, 2);
      return [doubled, tf.unsortedSegmentSum(doubled, ids, 12)];
    });
    f(rows).forEach((result) => {
      result.dispose();
    });
    const traffic = await crossing(async () => {
      const [doubled, sums] = f(rows) as [tf.Tensor2D, tf.Tensor2D];
      const total = tf.tidy(() => tf.sub(tf.sum(doubled), tf.sum(sums)));
      expect(Math.abs((await total.data())[0]!)).toBeLessThan(1e-3);
      tf.dispose([doubled, sums, total]);
    });
    // The ids come to the host, and the sum that is read.
    expect(traffic.down).toBe(4 * 60 + 4);
    rows.dispose();
    f.dispose();
  });

  it('a read is of what was there when it was asked for, and waits until the caller has given the rest', async () => {
    const state = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])));
    const doubled = compile(() => {
      state.assign(tf.mul(state, 2));
      return tf.add(state, 1);
    });
    doubled().dispose();
    const reads: Promise<unknown>[] = [];
    const traffic = await crossing(() => {
      for (let i = 0; i < 4; i++) {
        const result = doubled();
        reads.push(result.data(), state.data());
        result.dispose();
      }
    });
    expect(traffic).toEqual({ up: 0, down: 0 });
    const numbersOf = (await Promise.all(reads)).map((array) => [...(array as Float32Array)]);
    expect(numbersOf).toEqual(
      [4, 8, 16, 32].flatMap((k) => [
        [k + 1, 2 * k + 1],
        [k, 2 * k],
      ]),
    );
    doubled.dispose();
  });

  it('what there is no room for is named with its size, and the next call is answered', async () => {
    const [column, row] = [tf.ones([1e6, 1]), tf.ones([1, 1e6])] as [tf.Tensor2D, tf.Tensor2D];
    const outer = compile((a: tf.Tensor2D, b: tf.Tensor2D) => tf.sum(tf.matMul(a, b)), { name: 'outer' });
    expect(() => outer(column, row)).toThrow(
      /'outer' ran out of memory.*\[1000000, 1000000\] float32 .*3725\.29 GiB/,
    );
    const [a, b] = [tf.ones([3, 1]), tf.ones([1, 3])] as [tf.Tensor2D, tf.Tensor2D];
    const found = outer(a, b);
    expect([...(await found.data())]).toEqual([9]);
    tf.dispose([column, row, a, b, found]);
    outer.dispose();
  });

  it('memory does not grow with the number of calls', () => {
    const x = tf.tensor2d(numbers(512 * 600), [512, 600]);
    const state = tf.tidy(() => tf.variable(tf.zeros([512, 600])));
    const step = compile((a: tf.Tensor) => {
      state.assign(tf.add(state, a));
      return tf.mul(state, 2);
    });
    const run = (times: number): number => {
      for (let i = 0; i < times; i++) step(x).dispose();
      return process.memoryUsage().rss / 2 ** 20;
    };
    const before = run(20);
    // Each call makes two buffers of 1.2 MB: kept, they would be 480 MB.
    expect(run(200) - before).toBeLessThan(100);
    for (const made of [x, step]) made.dispose();
  });

  it('a step with dropout and Adam: the numbers of the processor, nothing of the state crosses', async () => {
    const settings = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
    const trained = async (): Promise<{ losses: number[]; weight: number[]; traffic: object }> => {
      const make = (values: Float32Array): tf.Variable =>
        tf.tidy(() => tf.variable(tf.tensor2d(values, [40, 8])));
      const [value, m, v] = [make(numbers(320)), make(new Float32Array(320)), make(new Float32Array(320))];
      const step = compile((control: tf.Tensor, key: tf.Tensor) => {
        const masked = (): tf.Scalar =>
          tf.mean(tf.square(tf.sub(tf.mul(value, randomSource(key).keepMask([40, 8], 0.5)), 1)));
        const { value: loss, grads } = tf.variableGrads(masked, [value]);
        adamUpdate({ value, m, v, gradient: grads[value.name]!, control });
        return loss;
      });
      const losses: number[] = [];
      let traffic = {};
      for (let t = 1; t <= 4; t++) {
        const args = [
          tf.tensor1d(adamControl({ ...settings, step: t })),
          tf.tensor1d([1, 2, 3, t], 'int32'),
        ] as const;
        const work = async (): Promise<void> => {
          const loss = step(...args);
          losses.push((await loss.data())[0]!);
          loss.dispose();
        };
        if (asOrt(tf.backend()).device) traffic = await crossing(work);
        else await work();
        tf.dispose([...args]);
      }
      const weight = Array.from(await value.data());
      step.dispose();
      tf.disposeVariables();
      return { losses, weight, traffic };
    };
    const onDevice = await trained();
    registerOrtBackend({ threads: 1 });
    const onHost = await trained();
    registerOrtBackend({ threads: 1, provider: 'webgpu' });
    const values = ({ losses, weight }: typeof onHost): number[] => [...losses, ...weight];
    values(onDevice).forEach((value, i) => {
      expect(value).toBeCloseTo(values(onHost)[i]!, 5);
    });
    // Ten numbers of Adam and the mask's bits go up, 31 in a word.
    expect(onDevice.traffic).toEqual({ up: 4 * 10 + 4 * Math.ceil(320 / 31), down: 4 });
  });

  it('sums of segments: rows stay there, row numbers go up, the same bits every time', async () => {
    const [n, width, count] = [3000, 64, 40];
    const x = tf.tensor2d(numbers(n * width), [n, width]);
    // A third of the rows belong to segment 0, some to none.
    const ids = tf.tensor1d(
      Int32Array.from({ length: n }, (_, i) => (i % 3 === 0 ? 0 : ((i * 7) % 43) - 1)),
      'int32',
    );
    const summed = compile((a: tf.Tensor2D, at: tf.Tensor1D) =>
      tf.mul(tf.unsortedSegmentSum(tf.mul(a, 2), at, count), 3),
    );
    summed(x, ids).dispose();
    const runs: Float32Array[] = [];
    const { up, down } = await crossing(async () => {
      for (let i = 0; i < 3; i++) {
        const found = summed(x, ids);
        runs.push((await found.data()) as Float32Array);
        found.dispose();
      }
    });
    expect(down).toBe(3 * 4 * count * width);
    expect(up).toBeLessThan(3 * 4 * 3 * n);
    const sums = new Float64Array(count * width);
    const [rows, segments] = [x.dataSync(), ids.dataSync()];
    rows.forEach((value, i) => {
      const segment = segments[Math.floor(i / width)]!;
      if (segment >= 0 && segment < count) sums[segment * width + (i % width)]! += 6 * value;
    });
    sums.forEach((sum, i) => {
      expect(runs[0]![i]).toBeCloseTo(sum, 3);
    });
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
    tf.dispose([x, ids]);
    summed.dispose();
  });

  it('kernels of the host read what lies there, and what they write is read there', async () => {
    const random = tf.tensor1d([1, 2, 3, 4], 'int32');
    const x = tf.tensor2d(numbers(24), [4, 6]);
    const f = compile((a: tf.Tensor2D, key: tf.Tensor1D) =>
      tf.add(tf.mul(a, 2), randomSource(key).uniform([4, 6])),
    );
    const found = f(x, random);
    registerOrtBackend({ threads: 1 });
    const drawn = tf.tidy(() => randomSource(random).uniform([4, 6]).dataSync());
    registerOrtBackend({ threads: 1, provider: 'webgpu' });
    Array.from(await found.data()).forEach((value, i) => {
      expect(value).toBeCloseTo(2 * Math.sin(i) + drawn[i]!, 5);
    });
    tf.dispose([random, x, found]);
    f.dispose();
  });
});
