import { Tensor as OrtTensor, type Tensor } from 'onnxruntime-node';
import { Graph } from '../graph/graph.ts';
import { nameOf, serialize } from '../graph/onnx.ts';
import { sizeOf, type DType, type HostArray } from '../graph/types.ts';
import type { Operand } from './hostKernel.ts';
import { loadNative, type NativeModel } from './native.ts';
import type { SessionOptions } from './session.ts';

/** Bytes that crossed between host and device. */
export interface Traffic {
  /** From the host to the device. */
  readonly up: number;
  /** From the device to the host. */
  readonly down: number;
}

/** Element types that have buffers on a device; others are fed from the host at each run. */
const BUFFERED: readonly DType[] = ['float32', 'int32', 'bool'];

/** Whether values of a type and a shape may stay on a device. */
export function staysOnDevice({ dtype, shape }: { dtype: DType; shape: readonly number[] }): boolean {
  return BUFFERED.includes(dtype) && sizeOf(shape) > 0;
}

/** Tensor of a host array. */
export function hostTensor(dtype: DType, array: HostArray, shape: readonly number[]): Tensor {
  return new OrtTensor(dtype, array as Float32Array, shape);
}

/** A tensor on a device, and the model whose run made it. */
export interface Made {
  readonly tensor: Tensor;
  readonly model: NativeModel;
}

/** What goes to a device and comes back, by models that copy. */
export class DeviceMemory {
  readonly #options: SessionOptions;
  readonly #copies = new Map<string, NativeModel & { from: string; to: string }>();
  #traffic = { up: 0, down: 0 };

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** What crossed so far. */
  get traffic(): Traffic {
    return { ...this.#traffic };
  }

  /** Counts what is fed from the host, or fetched to it, without {@link put} and {@link get}. */
  count(way: 'up' | 'down', bytes: number): void {
    this.#traffic[way] += bytes;
  }

  /** A vector on the device. */
  put(dtype: DType, array: HostArray): Made {
    this.count('up', array.byteLength);
    return this.#copy(dtype, 'up', hostTensor(dtype, array, [array.length]));
  }

  /** The elements of a vector on the device. */
  get(dtype: DType, vector: Tensor): HostArray {
    const array = this.#copy(dtype, 'down', vector).tensor.data as HostArray;
    this.count('down', array.byteLength);
    return array;
  }

  /** Frees the models that copy. */
  dispose(): void {
    for (const model of this.#copies.values()) model.dispose();
    this.#copies.clear();
  }

  /** ONNX Runtime kills the process when a tensor on the device is read by itself: a model reads it. */
  #copy(dtype: DType, way: 'up' | 'down', vector: Tensor): Made {
    const key = `${way} ${dtype}`;
    let model = this.#copies.get(key);
    if (!model) {
      const g = new Graph();
      g.origin = 'copy';
      // A vector of any length.
      const input = g.input(dtype, [-1]);
      const output = g.op('Identity', [input], dtype, [-1]);
      const [from, to] = [nameOf(input), nameOf(output)];
      const bytes = serialize({ nodes: g.nodes, inputs: [input], outputs: [output] });
      const options = { ...this.#options, profile: undefined };
      model = { ...loadNative(bytes, options, way === 'up' ? [to] : []), from, to };
      this.#copies.set(key, model);
    }
    return { tensor: model.run({ [model.from]: vector }, { [model.to]: null })[model.to]!, model };
  }
}

/** Elements, where they are. */
export type Elements = { readonly array: HostArray } | Made;

/** Elements that do not change, on the host, on a device, or on both: they cross when the other side asks for them. */
export class Resident implements Operand {
  /** They are not in the host memory. */
  readonly offset = undefined;
  readonly dtype: DType;
  readonly #memory: DeviceMemory;
  #array: HostArray | undefined;
  #made: { tensor: Tensor; leave: () => void } | undefined;
  #users = 1;

  constructor(memory: DeviceMemory, dtype: DType, from: Elements) {
    this.#memory = memory;
    this.dtype = dtype;
    if ('array' in from) this.#array = from.array;
    else this.#keep(from);
  }

  #keep({ tensor, model }: Made): void {
    this.#made = { tensor, leave: model.hold() };
  }

  /** The elements on the host. */
  get array(): HostArray {
    if (!this.#array) {
      const { dims } = this.#onDevice;
      this.#array = this.#memory.get(this.dtype, this.tensor([sizeOf(dims)]));
    }
    return this.#array;
  }

  /** Whether the host lacks the elements, so that reading them waits for the device. */
  get away(): boolean {
    return !this.#array;
  }

  get #onDevice(): Tensor {
    if (!this.#made) throw new Error('tfjs-backend-ort: a tensor on the device was released');
    return this.#made.tensor;
  }

  /** The elements as a tensor of a shape: on the device, if their kind can be there. */
  tensor(shape: readonly number[]): Tensor {
    if (!this.#made) {
      const array = this.array;
      if (!staysOnDevice({ dtype: this.dtype, shape })) {
        this.#memory.count('up', array.byteLength);
        return hostTensor(this.dtype, array, shape);
      }
      this.#keep(this.#memory.put(this.dtype, array));
    }
    const own = this.#onDevice;
    if (own.location !== 'gpu-buffer') return hostTensor(this.dtype, own.data as HostArray, shape);
    if (own.dims.length === shape.length && own.dims.every((dim, i) => dim === shape[i])) return own;
    // The same buffer in another form.
    const dataType = this.dtype as 'float32';
    return OrtTensor.fromGpuBuffer(own.gpuBuffer, { dataType, dims: [...shape] });
  }

  /** One more who will release it. */
  share(): this {
    this.#users++;
    return this;
  }

  /** Frees the elements, once all who share them have released them. */
  release(): void {
    if (--this.#users > 0) return;
    this.#made?.tensor.dispose();
    this.#made?.leave();
    this.#made = undefined;
    this.#array = undefined;
  }
}
