/** A typed array that grows: sequences are read before their number is known. */
class Growing<T extends Uint8Array | Int32Array | Float64Array> {
  readonly #make: (size: number) => T;
  #data: T;
  /** How many numbers it holds; may be set to fewer, which forgets the last. */
  length = 0;

  constructor(make: (size: number) => T) {
    this.#make = make;
    this.#data = make(1024);
  }

  /** Appends one number. */
  push(value: number): void {
    if (this.length === this.#data.length) {
      const larger = this.#make(this.#data.length * 2);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.length++] = value;
  }

  /** Number `index`, which must be in range. */
  at(index: number): number {
    return this.#data[index]!;
  }

  /** What it holds, without a copy; not to be pushed to afterwards. */
  view(): T {
    return this.#data.subarray(0, this.length) as T;
  }

  /** A copy of exact length. */
  toArray(): T {
    return this.#data.slice(0, this.length) as T;
  }
}

/** A growable Int32 buffer. */
export class IntList extends Growing<Int32Array> {
  constructor() {
    super((size) => new Int32Array(size));
  }
}

/** A growable Float64 buffer. */
export class FloatList extends Growing<Float64Array> {
  constructor() {
    super((size) => new Float64Array(size));
  }
}

/** A growable buffer of bytes. */
export class ByteList extends Growing<Uint8Array> {
  constructor() {
    super((size) => new Uint8Array(size));
  }
}
