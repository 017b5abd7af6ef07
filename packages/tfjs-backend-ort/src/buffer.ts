import type { DType, HostArray, Value } from './graph/types.ts';
import type { Block, HostMemory } from './runtime/memory.ts';

/** The data behind one tfjs data id: an array, a block of the host memory, or a value of the graph being traced. */
export class Buffer {
  readonly dtype: DType;
  refCount = 1;
  /** The value it stands for while tracing. */
  readonly symbol: Value | undefined;
  /** Array to write the next value of a variable into, so that two arrays take turns. */
  spare: HostArray | undefined;
  /** The array may be overwritten by a later compiled call, so readers get a copy. */
  mutable = false;
  #array: HostArray | undefined;
  #block: Block | undefined;
  #memory: HostMemory | undefined;
  #generation = -1;

  constructor(dtype: DType, data: { array: HostArray } | { symbol: Value }) {
    this.dtype = dtype;
    this.#array = 'array' in data ? data.array : undefined;
    this.symbol = 'symbol' in data ? data.symbol : undefined;
  }

  /** The elements, as a live view. */
  get array(): HostArray {
    if (this.#block && this.#memory && this.#generation !== this.#memory.generation) {
      const length = this.#array!.length || this.#length;
      this.#array = new Float32Array(this.#memory.buffer, this.#block.offset, length);
      this.#generation = this.#memory.generation;
    }
    if (!this.#array) throw new Error('tfjs-backend-ort: a symbolic tensor has no elements');
    return this.#array;
  }

  set array(array: HostArray) {
    this.#array = array;
  }

  /** Byte offset in the host memory, if the elements lie there. */
  get offset(): number | undefined {
    return this.#block?.offset;
  }

  /** Moves float32 elements into the host memory, where kernels update them in place. */
  pin(memory: HostMemory): void {
    if (this.#block) return;
    const source = this.array as Float32Array;
    this.#length = source.length;
    this.#block = memory.allocate(source.byteLength);
    this.#memory = memory;
    this.#array = new Float32Array(memory.buffer, this.#block.offset, source.length);
    this.#generation = memory.generation;
    this.#array.set(source);
    this.mutable = true;
  }

  /** Gives the block back. */
  release(): void {
    if (this.#block && this.#memory) this.#memory.release(this.#block);
    this.#block = undefined;
    this.#array = undefined;
    this.spare = undefined;
  }

  #length = 0;
}
