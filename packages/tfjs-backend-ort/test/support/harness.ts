import { tf } from '../../src/tfjs.js';
import { expect } from 'vitest';
import { compile, registerOrtBackend } from '../../src/index.ts';
import { noise, tensorOf, valuesOf, type Case } from './cases.ts';
import { provider } from './provider.ts';

/** What a run gave, copied out of the tensors. */
export interface Output {
  shape: number[];
  dtype: string;
  values: number[];
}

/** Registers the backend with one thread, for a pool of threads costs each of a thousand sessions 30 ms. */
export function setUp(): void {
  registerOrtBackend({ threads: 1, provider });
}

/** Runs `body` with a backend. */
export async function on<T>(backend: 'cpu' | 'ort', body: () => T): Promise<Awaited<T>> {
  await tf.setBackend(backend);
  return await body();
}

/** Tensors as plain data. */
export function read(result: tf.Tensor | tf.Tensor[]): Output[] {
  return (Array.isArray(result) ? result : [result]).map((t) => ({
    shape: t.shape,
    dtype: t.dtype,
    values: Array.from(t.dataSync()),
  }));
}

/**
 * Asserts |actual - expected| <= relative * max(|expected|, mean |expected|), entry by entry; equal infinities and NaN are
 * equal. Sums that cancel keep the error of their terms, hence the mean.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative = 1e-5,
  what = 'entry',
): void {
  expect(actual.length, what).toBe(expected.length);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < expected.length; i++)
    if (Number.isFinite(expected[i])) {
      sum += Math.abs(expected[i]!);
      count++;
    }
  const mean = count > 0 ? sum / count : 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const allowed = relative * Math.max(Math.abs(b), mean);
    if (!(Math.abs(a - b) <= allowed)) expect.fail(`${what} ${i}: got ${a}, expected ${b} within ${allowed}`);
  }
}

function expectSame(actual: Output[], expected: Output[], relative: number, what: string): void {
  expect(
    actual.map(({ shape, dtype }) => ({ shape, dtype })),
    what,
  ).toEqual(expected.map(({ shape, dtype }) => ({ shape, dtype })));
  actual.forEach((output, i) => {
    expectClose(
      output.values,
      expected[i]!.values,
      output.dtype === 'float32' ? relative : 0,
      `${what}: result ${i} entry`,
    );
  });
}

/** `tf.tidy` for what holds no tensors. */
function tidied<T>(body: () => T): T {
  const results: T[] = [];
  tf.tidy(() => {
    results.push(body());
  });
  return results[0]!;
}

/** A scalar that all results enter with weights of their own. */
function weightedSum(results: tf.Tensor | tf.Tensor[]): tf.Scalar {
  const terms = (Array.isArray(results) ? results : [results])
    .filter((t) => t.dtype === 'float32')
    .map((t, i) => tf.sum(tf.mul(t, tf.tensor(noise(t.size, i + 1), t.shape))));
  return terms.reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
}

type Run = Case['run'];

/** Gradients of the weighted sum by some of the inputs. */
function gradients(run: Run, all: tf.Tensor[], by: readonly number[]): tf.Tensor[] {
  return tf.grads((...some) =>
    weightedSum(run(...all.map((t, i) => (by.includes(i) ? some[by.indexOf(i)]! : t)))),
  )(by.map((i) => all[i]!));
}

/** The weighted sum, added in double precision. */
function weightedNumber(results: Output[]): number {
  return results
    .filter(({ dtype }) => dtype === 'float32')
    .reduce((total, { values }, i) => {
      const weights = noise(values.length, i + 1);
      return values.reduce((sum, value, j) => sum + value * weights[j]!, total);
    }, 0);
}

/** Step of the differences: rounding and curvature both stay below one in a thousand. */
const STEP = 1 / 128;
/** Inputs of more entries are moved along a few directions instead of along every axis. */
const ENTRIES = 24;

/** Directions to move an input of n entries along: each axis, or a few of random signs. */
function directions(n: number): number[][] {
  const axes = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_unused, j) => Number(i === j)),
  );
  if (n <= ENTRIES) return axes;
  return [1, 2, 3, 4].map((salt) => Array.from(noise(n, salt), (v) => Math.sign(v)));
}

/** Central differences of the weighted sum along directions of one input; on the current backend. */
function differences(run: Run, row: Case, values: number[][], by: number): number[] {
  const at = (direction: number[], step: number) =>
    tf.tidy(() => {
      const tensors = row.inputs.map((input, i) =>
        tensorOf(input, i === by ? values[i]!.map((v, j) => v + step * direction[j]!) : values[i]!),
      );
      return weightedNumber(read(run(...tensors)));
    });
  return directions(values[by]!.length).map(
    (direction) => (at(direction, STEP) - at(direction, -STEP)) / (2 * STEP),
  );
}

function inputsOf(row: Case, values: number[][]): tf.Tensor[] {
  return row.inputs.map((input, i) => tensorOf(input, values[i]!));
}

/** Relative tolerance of a row. */
function toleranceOf({ tolerance, webgpu }: Case): number {
  const wider = provider === 'webgpu' ? webgpu?.relative : undefined;
  return wider ?? tolerance?.relative ?? 1e-5;
}

/** Runs a row eagerly and compiled, against tfjs's cpu backend. */
async function checkValues(row: Case, values: number[][]): Promise<void> {
  const relative = toleranceOf(row);
  const expected = await on('cpu', () =>
    tidied(() => read((row.onCpu ?? row.run)(...inputsOf(row, values)))),
  );
  await tf.setBackend('ort');
  let eager: Output[] = [];
  const { kernelNames } = await tf.profile(() => {
    tf.tidy(() => {
      eager = read(row.run(...inputsOf(row, values)));
    });
  });
  expect(kernelNames, 'kernels that the row runs').toContain(row.kernel);
  expectSame(eager, expected, relative, 'eager');
  const compiled = compile((...x: tf.Tensor[]) => row.run(...x), { name: row.kernel });
  const traced = tidied(() => read(compiled(...inputsOf(row, values))));
  compiled.dispose();
  expectSame(traced, expected, relative, 'compiled');
}

/** Runs a row compiled with its inputs as constants, which the graph holds as splats where they are uniform. */
async function checkConstants(row: Case, values: number[][]): Promise<void> {
  const expected = await on('cpu', () =>
    tidied(() => read((row.onCpu ?? row.run)(...inputsOf(row, values)))),
  );
  await tf.setBackend('ort');
  const constants = inputsOf(row, values);
  const baked = compile(() => row.run(...constants), { name: row.kernel });
  const got = tidied(() => read(baked()));
  baked.dispose();
  tf.dispose(constants);
  expectSame(got, expected, toleranceOf(row), 'compiled with uniform constants');
}

async function checkGradients(
  row: Case,
  values: number[][],
  by: readonly number[],
  eager: boolean,
): Promise<void> {
  const onCpu = row.onCpu ?? row.run;
  const relative = toleranceOf(row);
  const { tape, numeric } = await on('cpu', () => ({
    tape:
      row.gradientDiffers === undefined
        ? tidied(() => read(gradients(onCpu, inputsOf(row, values), by)))
        : undefined,
    numeric: by.map((i) => differences(onCpu, row, values, i)),
  }));
  await tf.setBackend('ort');
  const compiled = compile((...x: tf.Tensor[]) => gradients(row.run, x, by), {
    name: `${row.kernel} gradient`,
  });
  const traced = tidied(() => read(compiled(...inputsOf(row, values))));
  compiled.dispose();
  if (tape) expectSame(traced, tape, relative, 'compiled gradient');
  if (eager) {
    const direct = tidied(() => read(gradients(row.run, inputsOf(row, values), by)));
    expectSame(direct, traced, relative, 'eager gradient');
  }
  numeric.forEach((slopes, i) => {
    const largest = Math.max(1, ...slopes.map(Math.abs));
    directions(values[by[i]!]!.length).forEach((direction, j) => {
      const got = traced[i]!.values.reduce((sum, value, k) => sum + value * direction[k]!, 0);
      if (!(Math.abs(got - slopes[j]!) <= 4e-3 * largest))
        expect.fail(
          `gradient by input ${by[i]!}, direction ${j}: got ${got}, by finite differences ${slopes[j]!}`,
        );
    });
  });
}

/** Checks one row of the table; `eager`: its gradient too is run eagerly, not only compiled. */
export async function checkCase(row: Case, eager: boolean): Promise<void> {
  const values = row.inputs.map(valuesOf);
  await tf.setBackend('ort');
  const before = tf.memory().numTensors;
  await checkValues(row, values);
  if (row.notUniform === undefined)
    await checkConstants(
      row,
      values.map((list, i) => (row.inputs[i]!.dtype === 'float32' ? list.map(() => list[0]!) : list)),
    );
  if (row.gradient && row.gradient.length > 0) await checkGradients(row, values, row.gradient, eager);
  expect(tf.memory().numTensors, 'tensors left').toBe(before);
}
