/**
 * Ids numbered in the order in which they are added, kept as bytes: looking one up makes no string, and a million ids take
 * some 30 MB. An open-addressed hash table of FNV-1a.
 */
export class IdTable {
  #bytes = Buffer.allocUnsafe(1 << 12);
  /** Where the bytes of each id begin, and where those of the last end. */
  #starts = new Int32Array(1 << 8);
  #hashes = new Int32Array(1 << 8);
  /** Number + 1 of the id in each slot, 0 where it is free. */
  #slots = new Int32Array(1 << 9);
  /** How many ids there are. */
  size = 0;

  /** A table of these ids, numbered from 0; they must differ. */
  static of(ids: Iterable<string>): IdTable {
    const table = new IdTable();
    for (const id of ids) table.addText(id);
    return table;
  }

  /** The slot that holds an id, or the free one where it belongs. */
  #slotOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const number = this.#slots[slot]! - 1;
      if (number < 0) return slot;
      if (this.#hashes[number] === hash && this.#equals(number, bytes, start, end)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #equals(number: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.#starts[number]!;
    if (this.#starts[number + 1]! - own !== end - start) return false;
    for (let at = start; at < end; at++) if (this.#bytes[own + at - start] !== bytes[at]) return false;
    return true;
  }

  /** Number of an id, -1 if it is not there. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.#slots[this.#slotOf(hashOf(bytes, start, end), bytes, start, end)]! - 1;
  }

  /** Number of an id, which is the next one if the id is new. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    const slot = this.#slotOf(hash, bytes, start, end);
    const found = this.#slots[slot]! - 1;
    if (found >= 0) return found;
    const number = this.size++;
    const from = this.#starts[number]!;
    const to = from + end - start;
    this.#reserve(to);
    for (let at = start; at < end; at++) this.#bytes[from + at - start] = bytes[at]!;
    this.#starts[number + 1] = to;
    this.#hashes[number] = hash;
    this.#slots[slot] = number + 1;
    if (2 * this.size > this.#slots.length) this.#rehash();
    return number;
  }

  /** Makes room for one more id that ends at byte `end`. */
  #reserve(end: number): void {
    if (end > this.#bytes.length) {
      const bytes = Buffer.allocUnsafe(Math.max(end, 2 * this.#bytes.length));
      this.#bytes.copy(bytes);
      this.#bytes = bytes;
    }
    if (this.size + 1 > this.#starts.length - 1) {
      const [starts, hashes] = [this.#starts, this.#hashes];
      this.#starts = new Int32Array(2 * starts.length);
      this.#starts.set(starts);
      this.#hashes = new Int32Array(2 * hashes.length);
      this.#hashes.set(hashes);
    }
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length);
    const mask = this.#slots.length - 1;
    for (let number = 0; number < this.size; number++) {
      const hash = this.#hashes[number]!;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = number + 1;
    }
  }

  /** Number of an id given as text, which is the next one if the id is new. */
  addText(id: string): number {
    const bytes = Buffer.from(id);
    return this.add(bytes, 0, bytes.length);
  }

  /** An id as text. */
  text(number: number): string {
    return this.#bytes.toString('utf8', this.#starts[number], this.#starts[number + 1]);
  }

  /** All ids as text, by number. */
  texts(): string[] {
    const all: string[] = [];
    for (let number = 0; number < this.size; number++) all.push(this.text(number));
    return all;
  }
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash;
}
