import { Worker } from 'node:worker_threads';
import { webAssembly, type WasmMemory } from '../wasm/api.ts';
import { SPARSE_BASE64 } from '../wasm/sparseBinary.ts';
import { FirstFit, type Block } from './firstFit.ts';
import { stripSize } from './strips.ts';

const PAGE = 65_536;
const LIMIT_PAGES = 65_536;
/** Whole cache lines, so that threads share none. */
const ALIGNMENT = 64;

/**
 * Words of the control block: what threads wait on, the next piece, pieces done, pieces there are; the job from 8 on.
 */
const control = { round: 0, next: 1, done: 2, pieces: 3, job: 8, words: 64 } as const;

/** Multiplications from which on waking other threads pays; measured, a wake-up costs some 20 µs. */
const WORTH_THREADS = 2 ** 20;

/** Floats of a dense matrix that are brought into strips at a time: they stay in a core's cache. */
const STAGE_FLOATS = 2 ** 16;

/** What a thread does until the process ends: waits for a round, takes pieces until there are no more. */
const THREAD = `
const { workerData: { module, memory } } = require('node:worker_threads');
const control = new Int32Array(memory.buffer, 0, ${control.words});
const { exports } = new WebAssembly.Instance(module, { env: { memory, abort() {} } });
for (let round = 0; ; ) {
  Atomics.wait(control, ${control.round}, round);
  round = Atomics.load(control, ${control.round});
  for (let piece; (piece = Atomics.add(control, ${control.next}, 1)) < Atomics.load(control, ${control.pieces}); ) {
    exports.run(piece);
    Atomics.add(control, ${control.done}, 1);
    Atomics.notify(control, ${control.done});
  }
}`;

/** What a job does, by its number in assembly/sparse.ts. */
const operations = ['products', 'scatter', 'add'] as const;

/** Words of a job, as assembly/sparse.ts reads them; pointers are byte offsets, 0 for none. */
export interface SparseJob {
  operation: (typeof operations)[number];
  starts: number;
  columns: number;
  values: number;
  x: number;
  base: number;
  y: number;
  rows: number;
  width: number;
  weight: number;
  /** Pieces of each strip: piece i is rows `bounds[i]..bounds[i + 1]`. */
  parts: number;
  bounds: number;
  /** Bytes from one strip to the next. */
  xStep: number;
  baseStep: number;
  yStep: number;
}

type Convert = (rows: number, strips: number, step: number, count: number, width: number) => void;

/** What assembly/sparse.ts exports. */
interface Exports {
  run: (piece: number) => void;
  toStrips: Convert;
  fromStrips: Convert;
}

/**
 * The memory and the threads of sparse products. The memory is shared and apart from the host memory, which ONNX
 * Runtime reads: dense operands are copied in and out, matrices stay. Every number is computed by one thread in one
 * order, so results do not depend on how many threads there are.
 */
export class SparsePool {
  readonly #memory: WasmMemory;
  readonly #module: object;
  readonly #control: Int32Array;
  readonly #exports: Exports;
  readonly #blocks = new FirstFit(control.words * 4);
  /** Where arrays that do not change were put. */
  readonly #placed = new WeakMap<object, Block>();
  readonly #forgotten = new FinalizationRegistry<Block>((block) => {
    this.#blocks.give(block);
  });
  #threads = 1;
  #work: Block | undefined;
  #stage: Block | undefined;

  /** The one pool of this process. */
  static get shared(): SparsePool {
    return (sharedPool ??= new SparsePool());
  }

  constructor() {
    this.#memory = new webAssembly.Memory({ initial: 16, maximum: LIMIT_PAGES, shared: true });
    this.#module = new webAssembly.Module(Buffer.from(SPARSE_BASE64, 'base64'));
    this.#control = new Int32Array(this.#memory.buffer, 0, control.words);
    const { exports } = new webAssembly.Instance(this.#module, {
      env: { memory: this.#memory, abort: () => undefined },
    });
    this.#exports = exports as unknown as Exports;
  }

  /** The bytes under all views, anew after they grew. */
  get buffer(): ArrayBuffer {
    return this.#memory.buffer;
  }

  #allocate(size: number): Block {
    const bytes = Math.ceil(size / ALIGNMENT) * ALIGNMENT + ALIGNMENT;
    const block = this.#blocks.take(bytes, (end) => {
      const missing = Math.ceil((end - this.buffer.byteLength) / PAGE);
      if (missing > LIMIT_PAGES - this.buffer.byteLength / PAGE) return false;
      if (missing > 0) this.#memory.grow(missing);
      return true;
    });
    if (!block)
      throw new Error(
        `sparse products: matrices and dense operands must fit into 4 GiB, ${size} bytes more do not: use fewer ` +
          'columns at a time',
      );
    return block;
  }

  /**
   * Puts an array that will not change into the memory, unless it is there: its byte offset. It stays as long as the
   * array.
   */
  place(array: Int32Array | Float32Array): number {
    let block = this.#placed.get(array);
    if (!block) {
      block = this.#allocate(array.byteLength);
      this.write(block.offset, array);
      this.#placed.set(array, block);
      this.#forgotten.register(array, block);
    }
    return block.offset;
  }

  /** Copies an array into the memory. */
  write(offset: number, array: Int32Array | Float32Array): void {
    if (array instanceof Int32Array) this.integers(offset, array.length).set(array);
    else this.floats(offset, array.length).set(array);
  }

  /** A view of numbers in the memory, until it grows. */
  floats(offset: number, length: number): Float32Array {
    return new Float32Array(this.buffer, offset, length);
  }

  /** A view of whole numbers in the memory, until it grows. */
  integers(offset: number, length: number): Int32Array {
    return new Int32Array(this.buffer, offset, length);
  }

  /** Copies a dense matrix [R, D] into the memory, as strips. */
  writeStrips(offset: number, x: Float32Array, width: number): void {
    this.#convert(x.length / width, width, (stage, row, count, step) => {
      this.write(stage, x.subarray(row * width, (row + count) * width));
      const at = offset + stripSize(row, width) * 4;
      this.#exports.toStrips(stage, at, step, count, width);
    });
  }

  /** Copies strips out of the memory into a dense matrix [R, D]. */
  readStrips(offset: number, out: Float32Array, width: number): void {
    this.#convert(out.length / width, width, (stage, row, count, step) => {
      const at = offset + stripSize(row, width) * 4;
      this.#exports.fromStrips(stage, at, step, count, width);
      out.set(this.floats(stage, count * width), row * width);
    });
  }

  /** Calls for so many rows at a time as the stage holds. */
  #convert(
    rows: number,
    width: number,
    some: (stage: number, row: number, count: number, step: number) => void,
  ): void {
    const held = Math.max(1, Math.floor(STAGE_FLOATS / width));
    const bytes = Math.max(STAGE_FLOATS, width) * 4;
    if (!this.#stage || this.#stage.bytes < bytes) {
      if (this.#stage) this.#blocks.give(this.#stage);
      this.#stage = undefined;
      this.#stage = this.#allocate(bytes);
    }
    const step = stripSize(rows, width) * 4;
    for (let row = 0; row < rows; row += held)
      some(this.#stage.offset, row, Math.min(held, rows - row), step);
  }

  /** Room for what one product needs, its sizes in bytes; the offsets of each. The next call takes the same room. */
  work(sizes: readonly number[]): number[] {
    const padded = sizes.map((size) => Math.ceil(size / ALIGNMENT) * ALIGNMENT);
    const total = padded.reduce((sum, size) => sum + size, 0);
    if (!this.#work || this.#work.bytes < total) {
      if (this.#work) this.#blocks.give(this.#work);
      this.#work = undefined;
      this.#work = this.#allocate(total);
    }
    let at = this.#work.offset;
    return padded.map((size) => {
      at += size;
      return at - size;
    });
  }

  /**
   * Does a job in pieces.
   *
   * @param strips - Strips of the dense matrices.
   * @param cost - Multiplications, roughly.
   * @param threads - How many may work at once, this one included.
   */
  run(job: SparseJob, strips: number, cost: number, threads: number): void {
    const shared = this.#control;
    const { operation, bounds, starts, columns, values, x, base, y, rows, width, weight, parts } = job;
    const number = operations.indexOf(operation);
    const { xStep, baseStep, yStep } = job;
    const pieces = parts * strips;
    shared.set(
      [number, bounds, starts, columns, values, x, base, y, rows, width, 0, parts, xStep, baseStep, yStep],
      control.job,
    );
    new Float32Array(shared.buffer, 0, control.words)[control.job + 10] = weight;
    if (threads === 1 || cost < WORTH_THREADS) {
      for (let piece = 0; piece < pieces; piece++) this.#exports.run(piece);
      return;
    }
    this.#start(threads);
    // A thread that comes late from the last round may take a piece as soon as `next` says so: the job stands already.
    Atomics.store(shared, control.done, 0);
    Atomics.store(shared, control.pieces, pieces);
    Atomics.store(shared, control.next, 0);
    Atomics.add(shared, control.round, 1);
    Atomics.notify(shared, control.round);
    for (let piece; (piece = Atomics.add(shared, control.next, 1)) < pieces;) {
      this.#exports.run(piece);
      Atomics.add(shared, control.done, 1);
    }
    for (let done; (done = Atomics.load(shared, control.done)) < pieces;)
      Atomics.wait(shared, control.done, done);
  }

  #start(threads: number): void {
    for (; this.#threads < threads; this.#threads++) {
      const thread = new Worker(THREAD, {
        eval: true,
        execArgv: [],
        workerData: { module: this.#module, memory: this.#memory },
      });
      // It waits for ever, and the process may end.
      thread.unref();
    }
  }
}

let sharedPool: SparsePool | undefined;
