import { tf } from '../tfjs.js';
import { hostIsNear } from './hostIsNear.ts';

/**
 * A table of frozen weights in 16 bits each, for {@link linear} and {@link embedding}: half the room. They are computed
 * with as float32, into which a graph casts them where they are needed.
 */
export class HalfTable {
  /** [O, I], or [V, D]. */
  readonly shape: readonly [rows: number, columns: number];
  /** Two halves in each. */
  readonly #words: tf.Tensor;

  /**
   * @param halves - The bits of IEEE 754 halves, row-major.
   * @param shape - Rows and columns.
   * @throws Error on other backends than `ort` (execution provider cpu), which have no type of 16 bits to cast from.
   */
  constructor(halves: Uint16Array, shape: readonly [rows: number, columns: number]) {
    if (!hostIsNear())
      throw new Error(
        `HalfTable: float16 weights are for the backend ort on the processor, got ${tf.getBackend()}: take float32`,
      );
    const held = new Int32Array(Math.ceil(halves.length / 2));
    new Uint16Array(held.buffer).set(halves);
    this.shape = shape;
    this.#words = tf.keep(tf.tensor1d(held, 'int32'));
  }

  /** All of it as float32, [rows, columns]. */
  floats(): tf.Tensor {
    const attributes = { shape: [...this.shape] };
    return tf.engine().runKernel<tf.Tensor>('HalvesAsFloats', { table: this.#words }, attributes);
  }

  /**
   * Rows as float32, [n, columns].
   *
   * @param ids - int32 [n], each in [0, rows).
   * @throws RangeError naming an id outside, when it runs.
   */
  rows(ids: tf.Tensor1D): tf.Tensor {
    const attributes = { shape: [...this.shape], of: 'embedding' };
    return tf.engine().runKernel<tf.Tensor>('RowsOfHalves', { table: this.#words, ids }, attributes);
  }

  /** Bytes that its numbers take. */
  get byteSize(): number {
    return 4 * this.#words.size;
  }

  /** Frees it. */
  dispose(): void {
    this.#words.dispose();
  }
}
