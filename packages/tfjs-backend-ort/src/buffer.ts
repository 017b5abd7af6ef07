import { allocate, type DType, type HostArray, type Value } from './graph/types.ts';
import type { Block } from './runtime/firstFit.ts';
import { type DeviceMemory, Resident } from './runtime/deviceMemory.ts';
import type { Operand } from './runtime/hostKernel.ts';
import type { HostMemory } from './runtime/memory.ts';

/** What a {@link Buffer} is made of. */
export type BufferData = { array: HostArray } | { resident: Resident } | { symbol: Value };

/**
 * The data behind one tfjs data id: an array, a block of the host memory, what may lie on a device, or a value of the
 * graph being traced.
 */
export class Buffer {
  readonly dtype: DType;
  refCount = 1;
  /** The value it stands for while tracing. */
  readonly symbol: Value | undefined;
  /** Array to write the next value of a variable into, so that two arrays take turns. */
  #spare: HostArray | undefined;
  /** The array may be overwritten by a later compiled call, so readers get a copy. */
  #mutable = false;
  /** Nobody else has the array: it came from no caller and went to none, so it may be written into. */
  #own: boolean;
  #array: HostArray | undefined;
  #resident: Resident | undefined;
  #block: Block | undefined;
  #memory: HostMemory | undefined;
  #generation = -1;

  /** @param own - The backend made the array, and nobody else has it. */
  constructor(dtype: DType, data: BufferData, own = false) {
    this.dtype = dtype;
    this.#own = own;
    this.#array = 'array' in data ? data.array : undefined;
    this.#resident = 'resident' in data ? data.resident : undefined;
    this.symbol = 'symbol' in data ? data.symbol : undefined;
  }

  /** The elements, as a live view. */
  get array(): HostArray {
    if (this.#block && this.#memory && this.#generation !== this.#memory.generation) {
      const length = this.#array!.length || this.#length;
      this.#array = new Float32Array(this.#memory.buffer, this.#block.offset, length);
      this.#generation = this.#memory.generation;
    }
    if (!this.#array && this.#resident) return this.#resident.array;
    if (!this.#array) throw new Error('tfjs-backend-ort: a symbolic tensor has no elements');
    return this.#array;
  }

  /**
   * The elements as a program reads them.
   *
   * @param device - Where they are to stay from now on, unless they change on the host.
   */
  operand(device: DeviceMemory | undefined): Operand {
    if (!device || this.#mutable) return { array: this.array, offset: this.offset };
    this.#resident ??= new Resident(device, this.dtype, { array: this.array });
    return this.#resident;
  }

  /**
   * The elements for someone outside: a copy if they may change, else the array itself, which is then no longer ours.
   */
  handOut(): HostArray {
    if (this.#mutable) return this.array.slice();
    this.#own = false;
    return this.array;
  }

  /** The elements for someone who reads them later and then releases them; undefined if the host has them. */
  away(): Resident | undefined {
    return !this.#array && this.#resident?.away ? this.#resident.share() : undefined;
  }

  /** An array of ours to write the next elements into; {@link exchange} puts it in place. */
  target(): HostArray {
    this.#mutable = true;
    this.#spare ??= allocate(this.dtype, this.array.length);
    return this.#spare;
  }

  /** Takes an array of ours as the elements, and keeps the old one to write into if that was ours. */
  exchange(array: HostArray): void {
    this.#spare = this.#own ? this.#array : undefined;
    this.#array = array;
    this.#own = true;
  }

  /** Byte offset in the host memory, if the elements lie there. */
  get offset(): number | undefined {
    return this.#block?.offset;
  }

  /**
   * Makes float32 elements the kernels' own, to be updated in place: in the host memory, or, where that has no room, in
   * an array of their own.
   */
  pin(memory: HostMemory): void {
    if (this.#block) return;
    const source = this.array as Float32Array;
    if (this.#resident) this.#own = false;
    this.#array = source;
    this.#leave();
    this.#mutable = true;
    this.#block = memory.allocate(source.byteLength);
    if (!this.#block) {
      if (!this.#own) this.#array = source.slice();
      this.#own = true;
      return;
    }
    this.#length = source.length;
    this.#memory = memory;
    this.#array = new Float32Array(memory.buffer, this.#block.offset, source.length);
    this.#generation = memory.generation;
    this.#array.set(source);
  }

  /** Gives the block back. */
  release(): void {
    if (this.#block && this.#memory) this.#memory.release(this.#block);
    this.#leave();
    this.#block = undefined;
    this.#array = undefined;
    this.#spare = undefined;
  }

  /** Forgets what lies on a device. */
  #leave(): void {
    this.#resident?.release();
    this.#resident = undefined;
  }

  #length = 0;
}
