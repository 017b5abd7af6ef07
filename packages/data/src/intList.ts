/** A growable Int32 buffer: sequences are read before their number is known. */
export class IntList {
  #data = new Int32Array(1024);
  /** How many numbers it holds. */
  length = 0;

  /** Appends one number. */
  push(value: number): void {
    if (this.length === this.#data.length) {
      const larger = new Int32Array(this.#data.length * 2);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.length++] = value;
  }

  /** Number `index`, which must be in range. */
  at(index: number): number {
    return this.#data[index]!;
  }

  /** A copy of exact length. */
  toArray(): Int32Array {
    return this.#data.slice(0, this.length);
  }
}
