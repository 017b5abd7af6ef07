import { compile, linear, RandomStream, softmaxCrossEntropy, tf } from '@ferry/engine';
import { describe, expect, it } from 'vitest';
import {
  createDecoder,
  createEncoder,
  createLinear,
  createOptimizer,
  createSchedule,
  disposeParameters,
  flattenParameters,
  type OptimizerOptions,
  parameter,
  torchName,
  trainableParameters,
  transformerDecoder,
  transformerEncoder,
} from '../src/index.ts';
import { describeVariants, expectClose, fill, fillParameters, fixture, numbers } from './helpers.ts';

interface Run {
  losses: number[];
  norms: number[];
  parameters: Record<string, number[]>;
}

interface Fixture {
  sizes: { B: number; L: number; M: number; D: number; H: number; inner: number; classes: number };
  labels: number[];
  gradients: Record<string, number[]>;
  schedules: Record<string, number[]>;
}

const expected = fixture('optimizers.json') as Fixture;
const runs = expected as unknown as Record<string, Run>;
const { B, L, M, D, H, inner, classes } = expected.sizes;

const rates: Record<string, OptimizerOptions> = {
  adam: { kind: 'adam', learningRate: 1e-2 },
  'adam, L2': { kind: 'adam', learningRate: 1e-2, weightDecay: 0.1, decay: ['**'] },
  adamw: { kind: 'adamw', learningRate: 1e-2, weightDecay: 0.1, decay: ['**'] },
  'adamw, clipped, warm-up': {
    kind: 'adamw',
    learningRate: 1e-2,
    beta1: 0.8,
    beta2: 0.95,
    epsilon: 1e-6,
    weightDecay: 0.05,
    decay: ['**'],
    clipNorm: 0.5,
    schedule: createSchedule({ warmup: 3 }),
  },
  'adam, L2, clipped': { kind: 'adam', learningRate: 1e-2, weightDecay: 0.1, decay: ['**'], clipNorm: 0.5 },
  'adamw, groups': {
    kind: 'adamw',
    learningRate: 1e-2,
    weightDecay: 0.1,
    groups: [{ match: ['encoder.**'], learningRate: 1e-3 }],
  },
  sgd: { kind: 'sgd', learningRate: 0.1, weightDecay: 0.01, decay: ['**'] },
  'sgd, momentum': { kind: 'sgd', learningRate: 0.1, momentum: 0.9 },
};

/** The small transformer of the parity script, with a training step. */
function makeWorld(options: OptimizerOptions, compiled: boolean) {
  const random = RandomStream.fromSeed(1);
  const sizes = { layers: 1, width: D, feedForward: inner };
  const p = {
    encoder: createEncoder(sizes, random),
    decoder: createDecoder(sizes, random),
    head: createLinear({ inputs: D, outputs: classes }, random),
  };
  fillParameters(p);
  const named = flattenParameters(p);
  const optimizer = createOptimizer(options, named);
  const loss = (x: tf.Tensor, memory: tf.Tensor, labels: tf.Tensor) => {
    const h = transformerDecoder(p.decoder, x, transformerEncoder(p.encoder, memory, { heads: H }), {
      heads: H,
    });
    const last = tf.reshape(tf.slice(h, [0, L - 1, 0], [B, 1, D]), [B, D]);
    return tf.mean<tf.Scalar>(softmaxCrossEntropy(linear(last, p.head.weight, p.head.bias), labels));
  };
  const step = (x: tf.Tensor, memory: tf.Tensor, labels: tf.Tensor) => {
    const { value, grads } = tf.variableGrads(() => loss(x, memory, labels), [...named.values()]);
    return { loss: value, ...optimizer.apply(grads) };
  };
  const run = compiled ? compile(step, { name: 'step' }) : step;
  const inputs = [
    tf.tensor(fill('x', [B, L, D]), [B, L, D]),
    tf.tensor(fill('memory', [B, M, D]), [B, M, D]),
    tf.tensor1d(expected.labels, 'int32'),
  ] as const;
  return { p, named, optimizer, loss, run, inputs };
}

/**
 * The keys' bias shifts all scores of a query alike, so its true gradient is 0 and Adam moves it by rounding noise over its
 * own size, in PyTorch too: left out of comparisons of parameters.
 */
function withoutKeys(name: string, values: ArrayLike<number>): number[] {
  return Array.from(values).filter((_, i) => !name.endsWith('in_proj_bias') || Math.floor(i / D) % 3 !== 1);
}

describeVariants('five updates equal PyTorch', ({ compiled }) => {
  it.each(Object.entries(rates))('%s', (name, options) => {
    const { p, named, optimizer, run, inputs } = makeWorld(options, compiled);
    const wanted = runs[name]!;
    const losses: number[] = [];
    const norms: number[] = [];
    for (let i = 0; i < 5; i++) {
      optimizer.advance(i);
      const { loss, gradientNorm } = run(...inputs);
      losses.push(loss.dataSync()[0]!);
      if (gradientNorm) norms.push(gradientNorm.dataSync()[0]!);
    }
    expectClose(losses, wanted.losses, 1e-4, 'losses');
    expectClose(norms, wanted.norms, 1e-4, 'norms');
    let compared = 0;
    for (const [ours, variable] of named) {
      const theirs = torchName(ours);
      const values = wanted.parameters[theirs];
      if (!values) continue;
      compared++;
      expectClose(withoutKeys(theirs, numbers(variable)), withoutKeys(theirs, values), 1e-4, ours);
    }
    expect(compared).toBe(Object.keys(wanted.parameters).length);
    optimizer.dispose();
    disposeParameters(p);
  });

  it('gradients of the transformer', () => {
    const { p, named, loss, inputs, optimizer } = makeWorld(rates['adam']!, compiled);
    const step = (...given: [tf.Tensor, tf.Tensor, tf.Tensor]) =>
      tf.variableGrads(() => loss(...given), [...named.values()]).grads;
    const grads = (compiled ? compile(step, { name: 'gradients' }) : step)(...inputs);
    for (const [name, variable] of named)
      expectClose(numbers(grads[variable.name]!), expected.gradients[torchName(name)]!, 1e-4, name);
    optimizer.dispose();
    disposeParameters(p);
  });

  it('continues exactly from saved state', () => {
    const options = rates['adamw, clipped, warm-up']!;
    const whole = makeWorld(options, compiled);
    const first = makeWorld(options, compiled);
    const second = makeWorld(options, compiled);
    const train = (world: typeof whole, from: number, to: number) => {
      for (let i = from; i < to; i++) {
        world.optimizer.advance(i);
        tf.dispose(world.run(...world.inputs));
      }
    };
    train(whole, 0, 4);
    train(first, 0, 2);
    expect([...first.optimizer.state().get('step')!.dataSync()]).toEqual([2]);
    const copy = (from: Map<string, tf.Variable>, to: Map<string, tf.Variable>) => {
      expect([...from.keys()]).toEqual([...to.keys()]);
      for (const [name, variable] of from) {
        tf.tidy(() => {
          to.get(name)!.assign(tf.tensor(variable.dataSync(), variable.shape, variable.dtype));
        });
      }
    };
    copy(first.named, second.named);
    copy(first.optimizer.state(), second.optimizer.state());
    train(second, 2, 4);
    const values = (world: typeof whole) =>
      [...world.named, ...world.optimizer.state()].map(([, v]) => Array.from(v.dataSync()));
    expect(values(second)).toEqual(values(whole));
    for (const world of [whole, first, second]) {
      world.optimizer.dispose();
      disposeParameters(world.p);
    }
  });

  it.each([
    ['warm-up', createSchedule({ warmup: 2 })],
    ['cosine', createSchedule({ kind: 'cosine', warmup: 1, total: 4 })],
    ['linear', createSchedule({ kind: 'linear', total: 4, minimum: 0.2 })],
  ] as const)('moves by the rate of the schedule: %s', (_name, schedule) => {
    const p = { a: parameter(Float32Array.of(2, 1), [2]) };
    const optimizer = createOptimizer({ kind: 'sgd', learningRate: 0.5, schedule }, flattenParameters(p));
    const step = (gradient: tf.Tensor) => optimizer.apply({ [p.a.name]: gradient });
    const run = compiled ? compile(step, { name: 'schedule' }) : step;
    const gradient = tf.tensor1d([1, -2]);
    let moved = 0;
    for (let i = 0; i < 4; i++) {
      optimizer.advance(i);
      run(gradient);
      moved += 0.5 * schedule(i);
      expectClose(numbers(p.a), [2 - moved, 1 + 2 * moved], 1e-6);
    }
    gradient.dispose();
    optimizer.dispose();
    disposeParameters(p);
  });

  it('moves a scalar parameter, clips by hand-worked numbers and leaves nothing behind', () => {
    const p = { a: parameter(Float32Array.of(2), []), b: parameter(Float32Array.of(1, -1), [2]) };
    const optimizer = createOptimizer({ kind: 'sgd', learningRate: 0.5, clipNorm: 1 }, flattenParameters(p));
    optimizer.advance(0);
    // Gradients 3 and (0, 4): norm 5, so a falls by .5 * 3 / 5 and the second b by .5 * 4 / 5.
    const step = () => {
      const gradients = { [p.a.name]: tf.scalar(3), [p.b.name]: tf.tensor1d([0, 4]) };
      return optimizer.apply(gradients);
    };
    const run = compile(step, { name: 'clip' });
    const { gradientNorm } = run();
    expect(gradientNorm!.dataSync()[0]).toBeCloseTo(5, 5);
    expect(p.a.dataSync()[0]).toBeCloseTo(1.7, 5);
    expect([...p.b.dataSync()].map((v) => Math.round(v * 1e5) / 1e5)).toEqual([1, -1.4]);
    gradientNorm!.dispose();
    const before = tf.memory().numTensors;
    optimizer.advance(1);
    run().gradientNorm!.dispose();
    expect(tf.memory().numTensors).toBe(before);
    optimizer.dispose();
    disposeParameters(p);
    run.dispose();
  });
});

describe('optimizer options', () => {
  const variables = () =>
    flattenParameters({
      head: createLinear({ inputs: 2, outputs: 2 }, RandomStream.fromSeed(1)),
      body: createLinear({ inputs: 2, outputs: 2 }, RandomStream.fromSeed(2)),
    });

  it.each(['adam', 'adamw', 'sgd'] as const)('%s decays matrices and nothing else, unless asked', (kind) => {
    const moved = (options: Partial<OptimizerOptions>): string[] => {
      const made = new Map(
        Object.entries({
          'body.weight': [2, 3],
          'body.tokenNorm.gain': [3],
          'body.bias': [3],
          'head.factor': [],
          alpha: [4],
          table: [1, 3],
        }).map(([name, shape]) => [name, tf.tidy(() => tf.variable(tf.ones(shape)))]),
      );
      const optimizer = createOptimizer({ kind, learningRate: 0.1, weightDecay: 0.5, ...options }, made);
      optimizer.advance(0);
      tf.tidy(() => {
        const zeros = [...made.values()].map((v) => [v.name, tf.zerosLike(v)] as const);
        optimizer.apply(Object.fromEntries(zeros));
      });
      const names = [...made].filter(([, v]) => v.dataSync()[0] !== 1).map(([name]) => name);
      optimizer.dispose();
      tf.dispose([...made.values()]);
      return names;
    };
    expect(moved({})).toEqual(['body.weight', 'table']);
    expect(moved({ decay: ['alpha', '**.bias'] })).toEqual(['body.weight', 'body.bias', 'alpha', 'table']);
    expect(moved({ noDecay: ['table'] })).toEqual(['body.weight']);
    expect(moved({ decay: ['**'], noDecay: ['alpha'] })).not.toContain('alpha');
    expect(moved({ groups: [{ match: ['body.**'], weightDecay: 0 }] })).toEqual(['table']);
    expect(moved({ decay: ['**'] })).toHaveLength(6);
  });

  it('tells the learning rates', () => {
    const optimizer = createOptimizer(
      {
        kind: 'adamw',
        learningRate: 0.1,
        weightDecay: 0.5,
        noDecay: ['**.bias'],
        groups: [{ match: ['body.**'], learningRate: 0.01 }],
        schedule: createSchedule({ kind: 'linear', total: 10 }),
      },
      variables(),
    );
    expect(optimizer.learningRates()).toEqual({ '0': 0.01, rest: 0.1 });
    optimizer.advance(5);
    expect(optimizer.learningRates()).toEqual({ '0': 0.005, rest: 0.05 });
  });

  it('refuses what makes no sense', () => {
    const make = (options: Partial<OptimizerOptions>) => () =>
      createOptimizer({ kind: 'adam', ...options }, variables());
    expect(make({ learningRate: -1 })).toThrow('createOptimizer: learningRate must be >= 0, got -1');
    expect(make({ beta1: 1 })).toThrow('createOptimizer: beta1 must be in [0, 1), got 1');
    expect(make({ clipNorm: 0 })).toThrow('createOptimizer: clipNorm must be > 0, got 0');
    expect(make({ groups: [{ match: ['haed.**'] }] })).toThrow('got "haed.**" among head.weight');
    expect(make({ groups: [{ match: ['head.**'], weightDecay: NaN }] })).toThrow('weightDecay must be >= 0');
    expect(() => createOptimizer({ kind: 'adam' }, new Map())).toThrow('got none');
    const optimizer = make({})();
    expect(() => optimizer.apply({})).toThrow(
      'apply: every parameter needs a gradient, got none for head.weight',
    );
    expect(() => {
      optimizer.advance(-1);
    }).toThrow('advance: step must be a non-negative integer, got -1');
  });

  it('trains only what is given', () => {
    const p = { head: createLinear({ inputs: 2, outputs: 2 }, RandomStream.fromSeed(1)) };
    const optimizer = createOptimizer({ kind: 'adam' }, trainableParameters(p, { freeze: ['**.bias'] }));
    expect([...optimizer.state().keys()]).toEqual(['step', 'm.head.weight', 'v.head.weight']);
  });
});

describe('schedules equal PyTorch', () => {
  it.each([
    ['cosine', { kind: 'cosine', total: 12, minimum: 0.05 }],
    ['warm-up and cosine', { kind: 'cosine', warmup: 4, total: 14 }],
    ['linear', { kind: 'linear', total: 8, minimum: 0.2 }],
    ['warm-up', { warmup: 5 }],
  ] as const)('%s', (name, options) => {
    const schedule = createSchedule(options);
    const wanted = expected.schedules[name]!;
    expectClose(
      wanted.map((_, step) => schedule(step)),
      wanted,
      1e-12,
    );
  });

  it('keeps the minimum after the end, and refuses bad numbers', () => {
    expect(createSchedule({ kind: 'cosine', total: 4, minimum: 0.25 })(99)).toBe(0.25);
    expect(() => createSchedule({ kind: 'cosine' })).toThrow('got none');
    expect(() => createSchedule({ kind: 'linear', total: 3, warmup: 3 })).toThrow('above warmup 3, got 3');
    expect(() => createSchedule({ warmup: 1.5 })).toThrow('warmup must be a non-negative integer, got 1.5');
    expect(() => createSchedule({ minimum: 2 })).toThrow('minimum must be in [0, 1], got 2');
  });
});
