/** A range of a memory, in bytes. */
export interface Block {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Places of blocks in one growing memory: the first gap that is large enough, else the end. Neighbouring gaps become
 * one.
 */
export class FirstFit {
  readonly #free: { offset: number; bytes: number }[] = [];
  #end: number;

  /**
   * @param start - Where blocks may begin.
   */
  constructor(start: number) {
    this.#end = start;
  }

  /** Bytes before the end that are in use. */
  get used(): number {
    return this.#end - this.#free.reduce((sum, block) => sum + block.bytes, 0);
  }

  /**
   * A block.
   *
   * @param reach - Makes the memory end at a byte or behind it; false where it cannot.
   * @returns Undefined where there is no room.
   */
  take(bytes: number, reach: (end: number) => boolean): Block | undefined {
    const index = this.#free.findIndex((block) => block.bytes >= bytes);
    if (index >= 0) {
      const block = this.#free[index]!;
      const { offset } = block;
      if (block.bytes === bytes) this.#free.splice(index, 1);
      else {
        block.offset += bytes;
        block.bytes -= bytes;
      }
      return { offset, bytes };
    }
    const offset = this.#end;
    if (!reach(offset + bytes)) return undefined;
    this.#end = offset + bytes;
    return { offset, bytes };
  }

  /** Gives a block back. */
  give(block: Block): void {
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
}
