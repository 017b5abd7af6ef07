import { webAssembly, type WasmMemory } from '../wasm/api.ts';
import { KERNELS_BASE64 } from '../wasm/binary.ts';
import { FirstFit, type Block } from './firstFit.ts';

/** The kernels of assembly/kernels.ts. */
export interface WasmKernels {
  keepBits(out: number, from: number, size: number, threshold: number, ...key: number[]): void;
  keepMask(out: number, from: number, size: number, threshold: number, scale: number, ...key: number[]): void;
  uniform(out: number, from: number, size: number, ...key: number[]): void;
  adam(value: number, m: number, v: number, gradient: number, size: number, ...control: number[]): void;
  segmentSum(out: number, rows: number, ids: number, n: number, width: number, count: number): void;
  firstOutside(ids: number, n: number, count: number): number;
  gatheredProducts(out: number, queries: number, table: number, ids: number, ...sizes: number[]): void;
  gatheredSums(out: number, weights: number, table: number, ids: number, ...sizes: number[]): void;
  scatteredSums(out: number, weights: number, rows: number, ids: number, ...sizes: number[]): void;
  rowCounts(out: number, scores: number, own: number, ...sizes: number[]): void;
  nearestDistances(out: number, scratch: number, products: number, ...rest: number[]): void;
}

const PAGE = 65_536;
/** Blocks start and end on this boundary, so that whole vectors fit and cache lines are not shared. */
const ALIGNMENT = 256;
/** What a WebAssembly memory can have: 4 GiB. */
const LIMIT_PAGES = 65_536;
/** Room for the pieces of up to four operands that lie elsewhere; so small that they stay in a core's cache. */
const STAGES = 4;
const STAGE_BYTES = 2 ** 17;

/** Where executables lay out what crosses between their sessions and host kernels. */
export interface Scratch {
  readonly buffer: ArrayBuffer;
  /** Of the first byte in the buffer. */
  readonly offset: number;
  readonly bytes: number;
  /** Whether the buffer is the host memory's. */
  readonly inMemory: boolean;
}

/**
 * The memory that host kernels work in and ONNX Runtime reads and writes through views: parameters, optimiser slots,
 * gradients, masks. A first-fit allocator over one growing WebAssembly memory. Growing invalidates views, so views are
 * made anew when `generation` has changed. What the memory has no room for lies in arrays outside, and kernels work on
 * it in pieces copied to the stages.
 */
export class HostMemory {
  readonly kernels: WasmKernels;
  /** Elements of float32 in a stage. */
  static readonly stageSize = STAGE_BYTES / 4;
  /** Counts the times the memory grew. */
  generation = 0;
  readonly #memory: WasmMemory;
  readonly #limit: number;
  readonly #blocks = new FirstFit(ALIGNMENT + STAGES * STAGE_BYTES);
  #block: Block | undefined;
  #scratch: Scratch | undefined;

  /**
   * @param limit - The most pages of 64 KiB it may have, at least 16.
   */
  constructor(limit = LIMIT_PAGES) {
    this.#limit = limit;
    this.#memory = new webAssembly.Memory({ initial: 16, maximum: limit });
    const module = new webAssembly.Module(Buffer.from(KERNELS_BASE64, 'base64'));
    const { exports } = new webAssembly.Instance(module, {
      env: { memory: this.#memory, abort: () => undefined },
    });
    this.kernels = exports as unknown as WasmKernels;
  }

  /** The bytes under all views. */
  get buffer(): ArrayBuffer {
    return this.#memory.buffer;
  }

  /** Bytes in use by blocks, scratch and stages included. */
  get used(): number {
    return this.#blocks.used;
  }

  /** Byte offset of a stage: {@link HostMemory.stageSize} floats for a kernel's use while it runs. */
  stage(index: number): number {
    if (index >= STAGES) throw new RangeError(`HostMemory: stage must be below ${STAGES}, got ${index}`);
    return ALIGNMENT + index * STAGE_BYTES;
  }

  /** A block with any content; undefined where there is no room. */
  allocate(size: number): Block | undefined {
    return this.#blocks.take(Math.max(ALIGNMENT, HostMemory.padded(size)), (end) => this.#reach(end));
  }

  #reach(end: number): boolean {
    const missing = Math.ceil((end - this.buffer.byteLength) / PAGE);
    if (missing <= 0) return true;
    // In steps of an eighth, so that growing (which invalidates views) stays rare.
    const pages = Math.max(missing, Math.ceil(this.buffer.byteLength / PAGE / 8));
    const room = this.#limit - this.buffer.byteLength / PAGE;
    if (missing > room) return false;
    this.#memory.grow(Math.min(pages, room));
    this.generation++;
    return true;
  }

  /** Gives a block back. */
  release(block: Block): void {
    this.#blocks.give(block);
  }

  /**
   * Makes the scratch at least so large. All executables share it, since only one runs at a time; its content does not
   * outlive a run. It lies outside where the memory has no room for it, and comes back once there is.
   */
  reserveScratch(bytes: number): void {
    const present = this.#scratch;
    if (present && present.bytes >= bytes && present.inMemory) return;
    if (this.#block) this.release(this.#block);
    this.#block = this.allocate(bytes);
    if (this.#block) this.#scratch = { ...this.#block, buffer: this.buffer, inMemory: true };
    else if (!present || present.inMemory || present.bytes < bytes)
      this.#scratch = { buffer: new ArrayBuffer(bytes), offset: 0, bytes, inMemory: false };
    if (this.#scratch !== present) this.generation++;
  }

  /** What {@link HostMemory.reserveScratch} made. */
  get scratch(): Scratch {
    if (!this.#scratch) throw new Error('HostMemory: no scratch was reserved');
    // Growing replaces the buffer.
    return this.#scratch.inMemory ? { ...this.#scratch, buffer: this.buffer } : this.#scratch;
  }

  /** Rounds a size up to what a block of it occupies. */
  static padded(bytes: number): number {
    return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  }
}
