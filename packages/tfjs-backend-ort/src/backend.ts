import { tf } from './tfjs.js';
import { Buffer, type BufferData } from './buffer.ts';
import { Graph } from './graph/graph.ts';
import { targetOf } from './graph/target.ts';
import { allocate, sizeOf, type DType, type HostArray, type Value } from './graph/types.ts';
import { DeviceExecutable } from './runtime/deviceExecutable.ts';
import { DeviceMemory, Resident } from './runtime/deviceMemory.ts';
import { Executable, type Program, type Runnable } from './runtime/executable.ts';
import type { Operand } from './runtime/hostKernel.ts';
import { HostMemory } from './runtime/memory.ts';
import type { SessionOptions } from './runtime/session.ts';
import type { Trace } from './trace.ts';

/** The name tfjs knows the backend by. */
export const BACKEND_NAME = 'ort';

/** Eager operations kept compiled; most have a small session of their own. */
const EAGER_CACHE = 512;

/** A tfjs backend whose kernels build graphs for ONNX Runtime: one operation at a time, or a whole traced function. */
export class OrtBackend extends tf.KernelBackend {
  readonly hostMemory: HostMemory;
  readonly options: SessionOptions;
  /** Where tensors stay between calls, if not on the host. */
  readonly device: DeviceMemory | undefined;
  /** The function being traced, if any. */
  trace: Trace | undefined;
  readonly #buffers = new WeakMap<object, Buffer>();
  /** Eager operations by what they are of, the least recently used first. */
  readonly #programs = new Map<string, EagerProgram>();
  #count = 0;

  constructor(options: SessionOptions, hostMemory = new HostMemory()) {
    super();
    this.options = options;
    this.hostMemory = hostMemory;
    this.device = options.providers[0] === 'webgpu' ? new DeviceMemory(options) : undefined;
  }

  /** The buffer of a data id; data of another backend is moved here first. `what` is named where there is none. */
  buffer(dataId: object, what = 'tfjs-backend-ort'): Buffer {
    let buffer = this.#buffers.get(dataId);
    if (!buffer) {
      const engine = tf.engine() as unknown as EngineData;
      const holder = engine.state.tensorInfo.get(dataId)?.backend;
      if (holder && holder !== this) engine.moveData(this, dataId);
      buffer = this.#buffers.get(dataId);
    }
    if (!buffer) throw new Error(`${what}: a tensor that it reads was disposed`);
    return buffer;
  }

  /** What a program reads of a data id. */
  operand(dataId: object): Operand {
    return this.buffer(dataId).operand(this.device);
  }

  /** Compiles a program. */
  compiled(program: Program): Runnable {
    return this.device
      ? new DeviceExecutable(program, this.device, this.hostMemory, this.options)
      : new Executable(program, this.hostMemory, this.options);
  }

  /** A tensor of tfjs for a traced value, or for elements that the backend made and nobody else has. */
  tensorInfo(shape: readonly number[], dtype: DType, data: BufferData): tf.TensorInfo {
    const dataId = {};
    this.#buffers.set(dataId, new Buffer(dtype, data, true));
    this.#count++;
    return { dataId, shape: [...shape], dtype: dtype as tf.DataType };
  }

  /** Runs one operation at once: a program of its own, compiled at first use. */
  runEager(
    key: string,
    name: string,
    inputs: readonly tf.TensorInfo[],
    build: (g: Graph, values: Value[]) => Value[],
  ): tf.TensorInfo[] {
    const known = this.#programs.get(key);
    if (known) this.#programs.delete(key);
    const cached = known ?? this.#buildEager(name, inputs, build);
    this.#remember(key, cached);
    const operands = cached.reads.map((i) => this.operand(inputs[i]!.dataId));
    const found = cached.executable?.run(operands) ?? [];
    return cached.results.map((result) => {
      if (result.kind === 'input') {
        const info = inputs[result.index]!;
        this.incRef(info.dataId);
        return { dataId: info.dataId, shape: [...result.shape], dtype: info.dtype };
      }
      const elements = result.kind === 'constant' ? fill(result.value) : found[result.index]!;
      return this.tensorInfo(result.shape, result.dtype, dataOf(elements));
    });
  }

  #buildEager(
    name: string,
    inputs: readonly tf.TensorInfo[],
    build: (g: Graph, values: Value[]) => Value[],
  ): EagerProgram {
    const g = new Graph(targetOf(this.options.providers));
    g.origin = name;
    const values = inputs.map((info) => g.input(info.dtype as DType, info.shape));
    const outputs = build(g, values);
    const produced = [...new Set(outputs.filter((value) => value.node))];
    const results = outputs.map((value): EagerResult => {
      const { shape, dtype } = value;
      if (value.node) return { kind: 'output' as const, index: produced.indexOf(value), shape, dtype };
      if (value.constant) return { kind: 'constant', value, shape, dtype };
      return { kind: 'input', index: values.indexOf(value), shape, dtype };
    });
    return {
      results,
      reads: inputs.map((_, i) => i),
      executable:
        produced.length > 0
          ? this.compiled({ name: g.origin, nodes: g.nodes, inputs: values, outputs: produced })
          : undefined,
    };
  }

  #remember(key: string, program: EagerProgram): void {
    this.#programs.set(key, program);
    if (this.#programs.size <= EAGER_CACHE) return;
    const [oldest, evicted] = this.#programs.entries().next().value!;
    this.#programs.delete(oldest);
    evicted.executable?.dispose();
  }

  /** Eager operations that are kept compiled. */
  get eagerPrograms(): number {
    return this.#programs.size;
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: object,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    const array = toHostArray(values, shape, dtype);
    const buffer = new Buffer(checkedType(dtype), { array }, array !== values);
    buffer.refCount = refCount;
    this.#buffers.set(dataId, buffer);
    this.#count++;
    this.trace?.own(dataId);
  }

  override readSync(dataId: object): tf.BackendValues {
    const buffer = this.buffer(dataId);
    if (buffer.symbol)
      throw new Error(
        `compile: '${this.trace?.name ?? 'a compiled function'}' reads the value of a tensor ` +
          `(${buffer.symbol.node ? `result of ${buffer.symbol.node.origin}` : 'an argument'}) ` +
          'while it is being traced; values exist only when the compiled function runs: return the tensor and read ' +
          'it outside',
      );
    return buffer.handOut() as tf.BackendValues;
  }

  override async read(dataId: object): Promise<tf.BackendValues> {
    const away = this.buffer(dataId).away();
    if (!away) return this.readSync(dataId);
    // It waits for all that the device was given, so whoever asked gives it the rest first.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      return away.array as tf.BackendValues;
    } finally {
      away.release();
    }
  }

  override disposeData(dataId: object, force = false): boolean {
    const buffer = this.#buffers.get(dataId);
    if (!buffer) return true;
    buffer.refCount--;
    if (!force && buffer.refCount > 0) return false;
    buffer.release();
    this.#buffers.delete(dataId);
    this.#count--;
    return true;
  }

  override refCount(dataId: object): number {
    return this.#buffers.get(dataId)?.refCount ?? 0;
  }

  override incRef(dataId: object): void {
    this.buffer(dataId).refCount++;
  }

  override numDataIds(): number {
    return this.#count;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return true;
  }

  override time(f: () => void): Promise<tf.BackendTimingInfo> {
    const start = performance.now();
    f();
    return Promise.resolve({ kernelMs: performance.now() - start } as tf.BackendTimingInfo);
  }

  override dispose(): void {
    for (const { executable } of this.#programs.values()) executable?.dispose();
    this.#programs.clear();
    this.device?.dispose();
  }
}

/** Where tfjs keeps which backend holds a data id. */
interface EngineData {
  state: { tensorInfo: WeakMap<object, { backend: tf.KernelBackend }> };
  moveData(backend: tf.KernelBackend, dataId: object): void;
}

interface EagerProgram {
  executable: Runnable | undefined;
  reads: number[];
  results: EagerResult[];
}

type EagerResult = { shape: readonly number[]; dtype: DType } & (
  { kind: 'output' | 'input'; index: number } | { kind: 'constant'; value: Value }
);

/** The backend that tfjs hands to a kernel: ours, because the kernel is registered for it. */
export function asOrt(backend: unknown): OrtBackend {
  if (!(backend instanceof OrtBackend))
    throw new Error(`tfjs-backend-ort: not the '${BACKEND_NAME}' backend`);
  return backend;
}

/** Elements that a program found, as a buffer holds them. */
export function dataOf(elements: HostArray | Resident): BufferData {
  return elements instanceof Resident ? { resident: elements } : { array: elements };
}

/** All elements of a constant. */
export function fill(value: Value): HostArray {
  const data = value.constant!;
  const size = sizeOf(value.shape);
  if (!value.splat || size === 1) return data.slice();
  const full = allocate(value.dtype, size);
  (full as Float32Array).fill(data[0] as number);
  return full;
}

/** Whether the backend has tensors of a type. */
export function isSupported(dtype: tf.DataType): boolean {
  return dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
}

function checkedType(dtype: tf.DataType): DType {
  if (!isSupported(dtype)) throw new Error(`tfjs-backend-ort: tensors of type ${dtype} are not supported`);
  return dtype as DType;
}

function toHostArray(values: tf.BackendValues, shape: number[], dtype: tf.DataType): HostArray {
  const wanted = checkedType(dtype);
  // tfjs passes null or undefined for tensors of zeros that are written later.
  const given = values as ArrayLike<number> | null | undefined;
  if (given == null) return allocate(wanted, sizeOf(shape));
  if (wanted === 'float32' && given instanceof Float32Array) return given;
  if (wanted === 'int32' && given instanceof Int32Array) return given;
  if (wanted === 'bool' && given instanceof Uint8Array) return given;
  const array = allocate(wanted, given.length);
  (array as Float32Array).set(given);
  return array;
}
