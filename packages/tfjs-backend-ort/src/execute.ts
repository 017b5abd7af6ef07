import { tf } from './tfjs.js';
import { dataOf, fill, type OrtBackend } from './backend.ts';
import type { DType, HostArray } from './graph/types.ts';
import { updatedInPlace, type EngineInternals, type Plan, type Result, type Source } from './plan.ts';
import { Resident } from './runtime/deviceMemory.ts';
import type { Operand } from './runtime/hostKernel.ts';

/** For each output the variable that it becomes the value of without a copy, and the array to write it into. */
type Targets = ({ variable: tf.Variable; array: HostArray } | undefined)[];

/** Runs a compiled plan on the current arguments and state. */
export function execute(backend: OrtBackend, name: string, plan: Plan, args: readonly tf.Tensor[]): unknown {
  for (const { variable, inPlace } of plan.updates) {
    if (variable.isDisposed)
      throw new Error(`compile: '${name}' updates the variable '${variable.name}', which was disposed`);
    if (inPlace) makeExclusive(backend, variable);
  }
  const targets = updateTargets(backend, plan);
  // A computed value is written where the variable's data lie, or takes their place under the same data id.
  const changing = new Set<object>(
    plan.updates
      .filter(({ variable, inPlace, result }) => inPlace || isTarget(targets, variable, result))
      .map(({ variable }) => variable.dataId),
  );
  // Those read during the call, or handed out by it, are copied first: an argument may be the variable itself.
  const copies = new Map<object, tf.Tensor>();
  const dataIdOf = (source: Source): object => {
    const dataId = dataIdBefore(name, source, args);
    return copies.get(dataId)?.dataId ?? dataId;
  };
  try {
    for (const source of [...plan.sources.filter(({ kind }) => kind === 'argument'), ...handedOut(plan)]) {
      const dataId = dataIdBefore(name, source, args);
      if (changing.has(dataId) && !copies.has(dataId)) copies.set(dataId, copyOf(backend, dataId));
    }
    const feeds = plan.sources.map((source): Operand => {
      // State is fed as it lies there, for kernels to work on.
      const dataId = source.kind === 'state' ? dataIdBefore(name, source, args) : dataIdOf(source);
      return backend.operand(dataId);
    });
    const found =
      plan.executable?.run(
        feeds,
        targets.map((target) => target?.array),
      ) ?? [];
    return finish(backend, plan, { found, targets, dataIdOf });
  } finally {
    for (const copy of copies.values()) copy.dispose();
  }
}

/** What a run left. */
interface Outcome {
  found: readonly (HostArray | Resident)[];
  targets: Targets;
  /** Where a source's value before the run is found. */
  dataIdOf: (source: Source) => object;
}

/** Makes tensors of the results and gives the variables their new values. */
function finish(backend: OrtBackend, plan: Plan, { found, targets, dataIdOf }: Outcome): unknown {
  const engine = tf.engine() as EngineInternals;
  const taken = new Set<number>();
  const tensor = (result: Result): tf.Tensor => {
    const { shape } = result.value;
    const dtype = result.value.dtype as tf.DataType;
    if (result.kind === 'source') {
      const dataId = dataIdOf(result.source);
      backend.incRef(dataId);
      return engine.makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype });
    }
    let elements = result.kind === 'constant' ? fill(result.value) : found[result.index]!;
    // A second result of the same output, or one that a variable keeps, gets an array of its own.
    if (
      result.kind === 'output' &&
      (taken.has(result.index) || targets[result.index] || updatedInPlace(result.value))
    )
      elements = elements instanceof Resident ? elements.share() : elements.slice();
    if (result.kind === 'output') taken.add(result.index);
    return engine.makeTensorFromTensorInfo(backend.tensorInfo(shape, dtype as DType, dataOf(elements)));
  };
  const results = plan.results.map(tensor);
  // Values are taken before any variable changes, so that `a.assign(b); b.assign(a)` swaps.
  const moved = plan.updates
    .filter(({ variable, inPlace, result }) => !inPlace && !isTarget(targets, variable, result))
    .map(({ variable, result }) => [variable, tensor(result)] as const);
  targets.forEach((target, i) => {
    if (target) backend.buffer(target.variable.dataId).exchange(found[i] as HostArray);
  });
  for (const [variable, value] of moved) {
    variable.assign(value);
    value.dispose();
  }
  return plan.rebuild(results);
}

/** The data id that a source has before the run. */
function dataIdBefore(name: string, source: Source, args: readonly tf.Tensor[]): object {
  if (source.kind === 'argument') return args[source.index]!.dataId;
  if (source.kind === 'captured') return source.dataId;
  if (source.variable.isDisposed)
    throw new Error(`compile: '${name}' reads the variable '${source.variable.name}', which was disposed`);
  return source.variable.dataId;
}

/** Sources whose value before the run is a result, or the new value of a variable. */
function handedOut(plan: Plan): Source[] {
  return [...plan.results, ...plan.updates.map(({ result }) => result)].flatMap((result) =>
    result.kind === 'source' ? [result.source] : [],
  );
}

function isTarget(targets: Targets, variable: tf.Variable, result: Result): boolean {
  return result.kind === 'output' && targets[result.index]?.variable === variable;
}

/**
 * Arrays to write the new values of variables into: the ones their values before last lay in. Only where nothing else
 * shares the variable's data, for a clone must keep the value it was made of.
 */
function updateTargets(backend: OrtBackend, plan: Plan): Targets {
  const targets: Targets = [];
  // What lies on a device does not change: the next value is another buffer.
  if (backend.device) return targets;
  for (const { variable, result, inPlace } of plan.updates) {
    if (inPlace || result.kind !== 'output' || targets[result.index] || updatedInPlace(result.value))
      continue;
    const buffer = backend.buffer(variable.dataId);
    if (buffer.refCount > 1 || buffer.offset !== undefined) continue;
    targets[result.index] = { variable, array: buffer.target() };
  }
  return targets;
}

/** Puts a variable's data into the host memory, alone: kernels update it there in place. */
function makeExclusive(backend: OrtBackend, variable: tf.Variable): void {
  if (backend.buffer(variable.dataId).refCount > 1) {
    const copy = copyOf(backend, variable.dataId, variable.shape);
    variable.assign(copy);
    copy.dispose();
  }
  backend.buffer(variable.dataId).pin(backend.hostMemory);
}

function copyOf(backend: OrtBackend, dataId: object, shape?: readonly number[]): tf.Tensor {
  const { array, dtype } = backend.buffer(dataId);
  const engine = tf.engine() as EngineInternals;
  return engine.makeTensorFromTensorInfo(
    backend.tensorInfo(shape ?? [array.length], dtype, { array: array.slice() }),
  );
}
