import { webAssembly, type WasmMemory } from '../wasm/api.ts';
import { KERNELS_BASE64 } from '../wasm/binary.ts';

/** A range of the host memory, in bytes. */
export interface Block {
  readonly offset: number;
  readonly bytes: number;
}

/** The kernels of assembly/kernels.ts. */
export interface WasmKernels {
  keepMask(out: number, size: number, threshold: number, scale: number, ...key: number[]): void;
  uniform(out: number, size: number, ...key: number[]): void;
  adam(value: number, m: number, v: number, gradient: number, size: number, ...control: number[]): void;
  segmentSum(out: number, rows: number, ids: number, n: number, width: number, count: number): void;
}

const PAGE = 65_536;
/** Blocks start and end on this boundary, so that whole vectors fit and cache lines are not shared. */
const ALIGNMENT = 256;
const LIMIT_PAGES = 65_536;

/**
 * The memory that host kernels work in and ONNX Runtime reads and writes through views: parameters, optimiser slots,
 * gradients, masks. A first-fit allocator over one growing WebAssembly memory. Growing invalidates views, so views are
 * made anew when `generation` has changed.
 */
export class HostMemory {
  readonly kernels: WasmKernels;
  /** Counts the times the memory grew. */
  generation = 0;
  readonly #memory: WasmMemory = new webAssembly.Memory({ initial: 16, maximum: LIMIT_PAGES });
  readonly #free: { offset: number; bytes: number }[] = [];
  #end = ALIGNMENT;
  #scratch: Block = { offset: ALIGNMENT, bytes: 0 };

  constructor() {
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

  /** Bytes in use by blocks, scratch included. */
  get used(): number {
    return this.#end - this.#free.reduce((sum, block) => sum + block.bytes, 0);
  }

  /** A block of zeros. */
  allocate(size: number): Block {
    const bytes = Math.max(ALIGNMENT, Math.ceil(size / ALIGNMENT) * ALIGNMENT);
    const index = this.#free.findIndex((block) => block.bytes >= bytes);
    if (index >= 0) {
      const block = this.#free[index]!;
      const { offset } = block;
      if (block.bytes === bytes) this.#free.splice(index, 1);
      else {
        block.offset += bytes;
        block.bytes -= bytes;
      }
      new Uint8Array(this.buffer, offset, bytes).fill(0);
      return { offset, bytes };
    }
    const offset = this.#end;
    const missing = Math.ceil((offset + bytes - this.buffer.byteLength) / PAGE);
    if (missing > 0) {
      // In steps of an eighth, so that growing (which invalidates views) stays rare.
      const pages = Math.max(missing, Math.ceil(this.buffer.byteLength / PAGE / 8));
      const room = LIMIT_PAGES - this.buffer.byteLength / PAGE;
      if (missing > room)
        throw new Error(
          `tfjs-backend-ort: the parameters, optimiser slots, gradients and masks of compiled steps need more than 4 GiB ` +
            `(${Math.round((offset + bytes) / 2 ** 20)} MiB): lower the batch size or split the step`,
        );
      this.#memory.grow(Math.min(pages, room));
      this.generation++;
    }
    this.#end = offset + bytes;
    return { offset, bytes };
  }

  /** Gives a block back. */
  release(block: Block): void {
    let at = this.#free.findIndex((other) => other.offset > block.offset);
    if (at < 0) at = this.#free.length;
    this.#free.splice(at, 0, { offset: block.offset, bytes: block.bytes });
    const next = this.#free[at + 1];
    const current = this.#free[at]!;
    if (next && current.offset + current.bytes === next.offset) {
      current.bytes += next.bytes;
      this.#free.splice(at + 1, 1);
    }
    const previous = at > 0 ? this.#free[at - 1] : undefined;
    if (previous && previous.offset + previous.bytes === current.offset) {
      previous.bytes += current.bytes;
      this.#free.splice(at, 1);
    }
    const last = this.#free[this.#free.length - 1]!;
    if (last.offset + last.bytes === this.#end) {
      this.#end = last.offset;
      this.#free.pop();
    }
  }

  /**
   * A block of at least `bytes` that all executables share: each lays out what crosses between its sessions and
   * kernels there, since only one runs at a time. Contents do not outlive a run.
   */
  scratch(bytes: number): Block {
    if (bytes > this.#scratch.bytes) {
      if (this.#scratch.bytes > 0) this.release(this.#scratch);
      this.#scratch = this.allocate(bytes);
      this.generation++;
    }
    return this.#scratch;
  }

  /** Rounds a size up to what a block of it occupies. */
  static padded(bytes: number): number {
    return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  }
}
