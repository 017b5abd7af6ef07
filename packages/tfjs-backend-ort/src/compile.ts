import * as tf from '@tensorflow/tfjs';
import { BACKEND_NAME, fill, OrtBackend } from './backend.ts';
import type { DType, Value } from './graph/types.ts';
import { flatten, type Flat } from './nest.ts';
import { Executable } from './runtime/executable.ts';
import type { Operand } from './runtime/hostKernels.ts';
import { Trace } from './trace.ts';

/** Options of {@link compile}. */
export interface CompileOptions {
  /** Named in errors and profiles; the function's own name by default. */
  name?: string | undefined;
  /** Compiled signatures kept; the least recently used one is dropped beyond it. */
  cacheSize?: number | undefined;
}

/** What one signature was compiled to, for tests, benchmarks and banners. */
export interface CompiledProgram {
  /** Shapes, element types and static arguments. */
  signature: string;
  /** Milliseconds from the first call to the loaded sessions. */
  compileMs: number;
  /** Nodes of the graph before unneeded ones are dropped. */
  nodes: number;
  /** ONNX Runtime sessions of one call. */
  sessions: number;
}

/**
 * A function made by {@link compile}: called as the original.
 *
 * @typeParam F - The original.
 */
export type Compiled<F extends (...args: never[]) => unknown> = F & {
  /** Frees all that was compiled; a later call is an error. */
  dispose: () => void;
  /** What was compiled so far. */
  programs: () => CompiledProgram[];
};

/** The engine's registry of variables, which tfjs keeps private. */
type EngineInternals = ReturnType<typeof tf.engine> & {
  state: { registeredVariables: Record<string, tf.Variable> };
  makeTensorFromTensorInfo(info: tf.TensorInfo): tf.Tensor;
};

/** Where a value of the compiled program comes from when it runs. */
type Source =
  | { kind: 'argument'; index: number }
  | { kind: 'state'; variable: tf.Variable }
  | { kind: 'captured'; dataId: object };

/** Where a result or an update is found after a run. */
type Result =
  | { kind: 'output'; index: number; value: Value }
  | { kind: 'source'; source: Source; value: Value }
  | { kind: 'constant'; value: Value };

interface Plan {
  program: CompiledProgram;
  executable: Executable | undefined;
  sources: Source[];
  results: Result[];
  rebuild: Flat['rebuild'];
  updates: { variable: tf.Variable; result: Result; inPlace: boolean }[];
  /** Variables registered when it was traced: their number must not change while the function is in use. */
  captured: object[];
}

/** The backend, which must be the current one. */
export function ortBackend(what: string): OrtBackend {
  const backend = tf.backend();
  if (!(backend instanceof OrtBackend))
    throw new Error(`${what}: needs the '${BACKEND_NAME}' backend, the current one is '${tf.getBackend()}'`);
  return backend;
}

/**
 * Compiles a function of tensors, in the manner of `tf.function` and `jax.jit`. The first call with new shapes, element
 * types or static arguments runs `fn` once with symbolic tensors and hands the recorded graph to ONNX Runtime; later
 * calls run that graph and `fn` no more.
 *
 * Arguments and results may be any nest of arrays and records. Tensors among the arguments are inputs; all else is
 * static and part of the signature. Variables that `fn` reads are state: each call sees their current value and
 * `assign` (or adamUpdate) changes it. Other tensors from outside are constants.
 *
 * @typeParam F - The function's type.
 * @param fn - Pure but for variable updates; must not read values of tensors, nor create variables.
 * @throws Error naming the operation, when `fn` reads a tensor's value, calls a compiled function, creates or disposes a
 *   variable, or uses a kernel the backend lacks.
 */
export function compile<F extends (...args: never[]) => unknown>(
  fn: F,
  options: CompileOptions = {},
): Compiled<F> {
  const name = options.name ?? (fn.name || 'anonymous');
  const cacheSize = options.cacheSize ?? 64;
  const plans = new Map<string, Plan>();
  /** The backend whose sessions and memory the plans use; registerOrtBackend may have replaced it. */
  let owner: OrtBackend | undefined;
  let disposed = false;

  const releaseAll = (): void => {
    for (const plan of plans.values()) if (owner) release(owner, plan);
    plans.clear();
  };
  const call = (...args: never[]): unknown => {
    const backend = ortBackend(`compile: '${name}'`);
    if (disposed) throw new Error(`compile: '${name}' was disposed`);
    if (backend !== owner) releaseAll();
    owner = backend;
    if (backend.trace)
      throw new Error(
        `compile: '${name}' was called while '${backend.trace.name}' is being traced; call the plain function inside a compiled one`,
      );
    const flat = flatten(args, `compile: an argument of '${name}' at args`);
    const signature = `${flat.structure}|${flat.tensors.map((t) => `${t.dtype}[${t.shape.join()}]`).join(';')}`;
    let plan = plans.get(signature);
    if (plan) plans.delete(signature);
    else plan = build(backend, name, fn, flat, signature);
    plans.set(signature, plan);
    if (plans.size > cacheSize) {
      const [oldest, evicted] = plans.entries().next().value!;
      plans.delete(oldest);
      release(backend, evicted);
    }
    return execute(backend, name, plan, flat.tensors);
  };
  const dispose = (): void => {
    disposed = true;
    releaseAll();
  };
  return Object.assign(call as F, {
    dispose,
    programs: () => [...plans.values()].map((plan) => plan.program),
  });
}

function release(backend: OrtBackend, plan: Plan): void {
  plan.executable?.dispose();
  // What a plan captured may have moved to the backend that replaced its own.
  const current = tf.findBackend(BACKEND_NAME) as OrtBackend | null;
  for (const dataId of plan.captured)
    (current && current.refCount(dataId) > 0 ? current : backend).decRef(dataId);
}

/** Traces the function and compiles the graph. */
function build(
  backend: OrtBackend,
  name: string,
  fn: (...args: never[]) => unknown,
  args: Flat,
  signature: string,
): Plan {
  const start = performance.now();
  const engine = tf.engine() as EngineInternals;
  const variables = { ...engine.state.registeredVariables };
  const before = new Map(Object.values(variables).map((variable) => [variable.dataId, variable]));
  const trace = new Trace(name, backend, before);
  const symbols = args.tensors.map((t) => trace.graph.input(t.dtype as DType, t.shape));
  // A reference for the trace, so that assign() inside cannot free what the variable held.
  for (const dataId of before.keys()) backend.buffer(dataId).refCount++;

  let results: Value[] = [];
  let rebuild: Flat['rebuild'] = () => undefined;
  const assigned = new Map<tf.Variable, Value>();
  backend.trace = trace;
  engine.startScope(`compile ${name}`);
  try {
    const inputs = symbols.map((symbol, i) =>
      engine.makeTensorFromTensorInfo(
        backend.tensorInfo(symbol.shape, args.tensors[i]!.dtype as DType, { symbol }),
      ),
    );
    const returned = flatten(
      fn(...(args.rebuild(inputs) as never[])),
      `compile: the result of '${name}' at result`,
    );
    results = returned.tensors.map((t) => trace.value(t));
    rebuild = returned.rebuild;
    checkVariables(name, variables, engine.state.registeredVariables);
    for (const [dataId, variable] of before)
      if (variable.dataId !== dataId) assigned.set(variable, trace.value(variable));
  } finally {
    engine.endScope();
    backend.trace = undefined;
    restore(engine, backend, before, variables);
  }

  const inputs: Value[] = [...symbols];
  const sources: Source[] = symbols.map((_, index) => ({ kind: 'argument', index }));
  for (const [variable, value] of trace.states) {
    inputs.push(value);
    sources.push({ kind: 'state', variable });
  }
  for (const [dataId, value] of trace.captured) {
    inputs.push(value);
    sources.push({ kind: 'captured', dataId });
    backend.buffer(dataId).refCount++;
  }
  const outputs = [...new Set([...assigned.values(), ...results].filter((value) => value.node))];
  const locate = (value: Value): Result => {
    if (value.node) return { kind: 'output', index: outputs.indexOf(value), value };
    if (value.constant) return { kind: 'constant', value };
    return { kind: 'source', source: sources[inputs.indexOf(value)]!, value };
  };
  const updates = [...assigned].map(([variable, value]) => ({
    variable,
    result: locate(value),
    inPlace: value.node?.op === 'Adam',
  }));
  const executable =
    outputs.length > 0
      ? new Executable(
          { name, nodes: trace.graph.nodes, inputs, outputs },
          backend.hostMemory,
          backend.options,
        )
      : undefined;
  return {
    program: {
      signature,
      compileMs: performance.now() - start,
      nodes: trace.graph.nodes.length,
      sessions: executable?.sessions ?? 0,
    },
    executable,
    sources,
    results: results.map(locate),
    rebuild,
    updates,
    captured: [...trace.captured.keys()],
  };
}

function checkVariables(
  name: string,
  before: Readonly<Record<string, tf.Variable>>,
  after: Readonly<Record<string, tf.Variable>>,
): void {
  const made = Object.keys(after).filter((key) => !(key in before));
  if (made.length > 0)
    throw new Error(
      `compile: '${name}' created the variable ${made.map((key) => `'${key}'`).join(', ')} while being traced; ` +
        'create variables (and optimiser slots) before the first call',
    );
  const gone = Object.keys(before).filter((key) => !(key in after));
  if (gone.length > 0)
    throw new Error(
      `compile: '${name}' disposed the variable ${gone.map((key) => `'${key}'`).join(', ')} while being traced`,
    );
}

/** Gives every variable the data it had before the trace, also after an exception. */
function restore(
  engine: EngineInternals,
  backend: OrtBackend,
  before: ReadonlyMap<object, tf.Variable>,
  variables: Readonly<Record<string, tf.Variable>>,
): void {
  for (const [key, variable] of Object.entries(engine.state.registeredVariables))
    if (variables[key] !== variable) variable.dispose();
  for (const [dataId, variable] of before) {
    if (variable.dataId === dataId && !variable.isDisposed) {
      backend.decRef(dataId);
      continue;
    }
    // The tensor takes over the trace's reference and gives it back when disposed.
    const saved = engine.makeTensorFromTensorInfo({ dataId, shape: variable.shape, dtype: variable.dtype });
    if (!variable.isDisposed) variable.assign(saved);
    saved.dispose();
  }
}

/** Runs a compiled plan on the current arguments and state. */
function execute(backend: OrtBackend, name: string, plan: Plan, args: readonly tf.Tensor[]): unknown {
  const engine = tf.engine() as EngineInternals;
  for (const { variable, inPlace } of plan.updates) {
    if (variable.isDisposed)
      throw new Error(`compile: '${name}' updates the variable '${variable.name}', which was disposed`);
    if (inPlace) makeExclusive(backend, variable);
  }
  const dataIdOf = (source: Source): object => {
    if (source.kind === 'argument') return args[source.index]!.dataId;
    if (source.kind === 'captured') return source.dataId;
    if (source.variable.isDisposed)
      throw new Error(`compile: '${name}' reads the variable '${source.variable.name}', which was disposed`);
    return source.variable.dataId;
  };
  const feeds = plan.sources.map((source): Operand => {
    const buffer = backend.buffer(dataIdOf(source));
    return { array: buffer.array, offset: buffer.offset };
  });
  const before = valuesBefore(backend, plan);
  const targets = plan.executable ? updateTargets(backend, plan) : [];
  const arrays = plan.executable?.run(feeds, targets) ?? [];

  const taken = new Set<number>();
  const tensor = (result: Result): tf.Tensor => {
    const early = before.get(result);
    if (early) return early;
    const { shape } = result.value;
    const dtype = result.value.dtype as tf.DataType;
    if (result.kind === 'source') {
      const dataId = dataIdOf(result.source);
      backend.incRef(dataId);
      return engine.makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype });
    }
    let array = result.kind === 'constant' ? fill(result.value) : arrays[result.index]!;
    // A second result of the same output, or one that a variable keeps, gets an array of its own.
    if (
      result.kind === 'output' &&
      (taken.has(result.index) || targets[result.index] || isInPlace(result.value))
    )
      array = array.slice();
    if (result.kind === 'output') taken.add(result.index);
    return engine.makeTensorFromTensorInfo(backend.tensorInfo(shape, dtype as DType, { array }));
  };
  const results = plan.results.map(tensor);
  // Values are taken before any variable changes, so that `a.assign(b); b.assign(a)` swaps.
  const moved = plan.updates
    .filter(({ inPlace, result }) => !inPlace && !(result.kind === 'output' && targets[result.index]))
    .filter(
      ({ variable, result }) => !(result.kind === 'source' && dataIdOf(result.source) === variable.dataId),
    )
    .map(({ variable, result }) => [variable, tensor(result)] as const);
  for (const { variable, result, inPlace } of plan.updates) {
    if (inPlace || result.kind !== 'output' || !targets[result.index]) continue;
    const buffer = backend.buffer(variable.dataId);
    const old = buffer.array;
    buffer.array = arrays[result.index]!;
    buffer.spare = old;
  }
  for (const [variable, value] of moved) {
    variable.assign(value);
    value.dispose();
  }
  return plan.rebuild(results);
}

/** Results and new values of variables that are the old value of one whose array is about to change: copies. */
function valuesBefore(backend: OrtBackend, plan: Plan): Map<Result, tf.Tensor> {
  const engine = tf.engine() as EngineInternals;
  // A computed value too is written where the variable's data lies, or takes its place there.
  const changing = new Set(
    plan.updates
      .filter(({ inPlace, result }) => inPlace || result.kind === 'output')
      .map(({ variable }) => variable),
  );
  const copies = new Map<Result, tf.Tensor>();
  for (const result of [...plan.results, ...plan.updates.map((update) => update.result)]) {
    if (result.kind !== 'source' || result.source.kind !== 'state') continue;
    if (!changing.has(result.source.variable)) continue;
    const array = backend.buffer(result.source.variable.dataId).array.slice();
    const { dtype, shape } = result.value;
    copies.set(result, engine.makeTensorFromTensorInfo(backend.tensorInfo(shape, dtype, { array })));
  }
  return copies;
}

function isInPlace(value: Value): boolean {
  return value.node?.op === 'Adam';
}

/**
 * Arrays to write the new values of variables into: the ones their values before last lay in. Only where nothing else
 * shares the variable's data, for a clone must keep the value it was made of.
 */
function updateTargets(backend: OrtBackend, plan: Plan): (Buffer['array'] | undefined)[] {
  const targets: (Buffer['array'] | undefined)[] = [];
  for (const { variable, result, inPlace } of plan.updates) {
    if (inPlace || result.kind !== 'output' || targets[result.index]) continue;
    const buffer = backend.buffer(variable.dataId);
    if (buffer.refCount > 1 || buffer.offset !== undefined) continue;
    buffer.mutable = true;
    buffer.spare ??= buffer.array.slice();
    targets[result.index] = buffer.spare;
  }
  return targets;
}

type Buffer = ReturnType<OrtBackend['buffer']>;

/** Puts a variable's data into the host memory, alone: kernels update it there in place. */
function makeExclusive(backend: OrtBackend, variable: tf.Variable): void {
  const buffer = backend.buffer(variable.dataId);
  if (buffer.refCount === 1) {
    buffer.pin(backend.hostMemory);
    return;
  }
  const engine = tf.engine() as EngineInternals;
  const copy = engine.makeTensorFromTensorInfo(
    backend.tensorInfo(variable.shape, variable.dtype as DType, { array: buffer.array.slice() }),
  );
  variable.assign(copy);
  copy.dispose();
  backend.buffer(variable.dataId).pin(backend.hostMemory);
}
