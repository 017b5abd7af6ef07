import { tf } from './tfjs.js';
import { BACKEND_NAME, isSupported, type OrtBackend } from './backend.ts';
import { targetOf } from './graph/target.ts';
import type { DType, Value } from './graph/types.ts';
import { flatten, type Flat } from './nest.ts';
import type { Runnable } from './runtime/executable.ts';
import { Trace } from './trace.ts';

/**
 * Parts of the engine that tfjs keeps private: the registry of variables, making a tensor of a data id, forgetting one.
 */
export type EngineInternals = ReturnType<typeof tf.engine> & {
  state: { registeredVariables: Record<string, tf.Variable> };
  makeTensorFromTensorInfo(info: tf.TensorInfo): tf.Tensor;
  removeDataId(dataId: object, backend: tf.KernelBackend): void;
};

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

/** Where a value of the compiled program comes from when it runs. */
export type Source =
  | { kind: 'argument'; index: number }
  | { kind: 'state'; variable: tf.Variable }
  | { kind: 'captured'; dataId: object };

/** Where a result or an update is found after a run. */
export type Result =
  | { kind: 'output'; index: number; value: Value }
  | { kind: 'source'; source: Source; value: Value }
  | { kind: 'constant'; value: Value };

/** What one signature was compiled to. */
export interface Plan {
  program: CompiledProgram;
  executable: Runnable | undefined;
  sources: Source[];
  results: Result[];
  rebuild: Flat['rebuild'];
  /** New values of variables; `inPlace`: a kernel wrote it where the variable's data lie. */
  updates: { variable: tf.Variable; result: Result; inPlace: boolean }[];
  /** Data ids of tensors from outside that are fed, each with a reference of the plan's. */
  captured: object[];
}

/** Frees what a plan holds. */
export function release(backend: OrtBackend, plan: Plan): void {
  plan.executable?.dispose();
  // What a plan captured may have moved to the backend that replaced its own.
  const current = tf.findBackend(BACKEND_NAME) as OrtBackend | null;
  for (const dataId of plan.captured) {
    const holder = current && current.refCount(dataId) > 0 ? current : backend;
    if (holder.disposeData(dataId)) (tf.engine() as EngineInternals).removeDataId(dataId, holder);
  }
}

/** Traces the function and compiles the graph. */
export function build(
  backend: OrtBackend,
  name: string,
  fn: (...args: never[]) => unknown,
  args: Flat,
  signature: string,
): Plan {
  const start = performance.now();
  const engine = tf.engine() as EngineInternals;
  const variables = { ...engine.state.registeredVariables };
  const trace = new Trace(name, backend, targetOf(backend.options.providers));
  const symbols = args.tensors.map((t) => trace.graph.input(t.dtype as DType, t.shape));
  let results: Value[] = [];
  let rebuild: Flat['rebuild'] = () => undefined;
  const assigned = new Map<tf.Variable, Value>();
  const saved = exchange(engine, backend, trace, variables);
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
    for (const { variable, stand } of saved)
      if (variable.dataId !== stand.dataId) assigned.set(variable, trace.value(variable));
    checkInPlace(name, trace, assigned);
  } finally {
    engine.endScope();
    backend.trace = undefined;
    restore(engine, saved, variables);
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
  }
  const outputs = [...new Set([...assigned.values(), ...results].filter((value) => value.node))];
  const locate = (value: Value): Result => {
    if (value.node) return { kind: 'output', index: outputs.indexOf(value), value };
    if (value.constant) return { kind: 'constant', value };
    return { kind: 'source', source: sources[inputs.indexOf(value)]!, value };
  };
  const updates = [...assigned].map(([variable, value]) => {
    // Of a variable that is written and never read there is no state, and that is no update of it in place.
    const moved = updatedInPlace(value);
    const inPlace = moved !== undefined && moved === trace.states.get(variable);
    return { variable, result: locate(value), inPlace };
  });
  const executable =
    outputs.length > 0 ? backend.compiled({ name, nodes: trace.graph.nodes, inputs, outputs }) : undefined;
  // Last, for nothing may be held when the graph is refused.
  for (const dataId of trace.captured.keys()) backend.buffer(dataId).refCount++;
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

/** Host kernels that move variables in place; their outputs are their first inputs. */
const UPDATES: ReadonlySet<string> = new Set(['Adam', 'LazyAdam']);

/** The input whose memory an output of an update is; undefined for other values. */
export function updatedInPlace(value: Value): Value | undefined {
  const { node } = value;
  return node && UPDATES.has(node.op) ? node.inputs[node.outputs.indexOf(value)] : undefined;
}

/** Kernels that work in place write into the memory of a variable: it must be the one that gets the result. */
function checkInPlace(name: string, trace: Trace, assigned: ReadonlyMap<tf.Variable, Value>): void {
  const owners = new Map([...trace.states].map(([variable, symbol]) => [symbol, variable]));
  for (const node of trace.graph.nodes.filter(({ op }) => UPDATES.has(op)))
    for (const output of node.outputs) {
      const owner = owners.get(updatedInPlace(output)!);
      if (!owner || assigned.get(owner) !== output)
        throw new Error(
          `compile: '${name}' changes ${owner ? `the variable '${owner.name}'` : 'a variable'} by adamUpdate and by ` +
            'something else in one step: update it once, last',
        );
    }
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

/** A variable during a trace: the data it had, and the symbol that stands in for them. */
interface Exchanged {
  variable: tf.Variable;
  dataId: object;
  stand: tf.Tensor;
}

/**
 * Gives every variable the data id of a symbol of its own. Several variables, clones and tensors may share one data id
 * (`tf.variable(z)` twice, `a.assign(b)`), so it does not tell which of them is read.
 */
function exchange(
  engine: EngineInternals,
  backend: OrtBackend,
  trace: Trace,
  variables: Readonly<Record<string, tf.Variable>>,
): Exchanged[] {
  return Object.values(variables)
    .filter(({ dtype }) => isSupported(dtype))
    .map((variable) => {
      const { dataId } = variable;
      // A reference for the trace, for assigning frees what the variable holds.
      backend.incRef(dataId);
      const symbol = trace.state(variable);
      const stand = engine.makeTensorFromTensorInfo(
        backend.tensorInfo(variable.shape, variable.dtype as DType, { symbol }),
      );
      variable.assign(stand);
      return { variable, dataId, stand };
    });
}

/** Gives every variable the data it had before the trace, also after an exception. */
function restore(
  engine: EngineInternals,
  saved: readonly Exchanged[],
  variables: Readonly<Record<string, tf.Variable>>,
): void {
  for (const [key, variable] of Object.entries(engine.state.registeredVariables))
    if (variables[key] !== variable) variable.dispose();
  for (const { variable, dataId, stand } of saved) {
    // The tensor takes over the trace's reference and gives it back when disposed.
    const tensor = engine.makeTensorFromTensorInfo({ dataId, shape: variable.shape, dtype: variable.dtype });
    if (!variable.isDisposed) variable.assign(tensor);
    tensor.dispose();
    stand.dispose();
  }
}
