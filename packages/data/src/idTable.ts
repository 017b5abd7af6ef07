/** Numbers in a slot of the table; a power of two. */
const slotSize = 8;

/**
 * Ids numbered in the order in which they are added, kept as bytes: looking one up makes no string, and a million ids take
 * some 90 MB. An open-addressed hash table of FNV-1a.
 */
export class IdTable {
  #bytes = Buffer.allocUnsafe(1 << 12);
  /** Where the bytes of each id begin, and where those of the last end. */
  #starts = new Int32Array(1 << 8);
  /**
   * Eight numbers a slot, so that a look-up mostly touches one place in memory, which is what it costs: number + 1 (0 where
   * the slot is free), hash, start, length, and the first 16 bytes.
   */
  #slots = new Int32Array(slotSize << 9);
  /** The first 16 bytes of the id that is looked for. */
  readonly #head = new Int32Array(4);
  /** How many ids there are. */
  size = 0;

  /** A table of these ids, numbered from 0; they must differ. */
  static of(ids: Iterable<string>): IdTable {
    const table = new IdTable();
    for (const id of ids) table.addText(id);
    return table;
  }

  /** Where the slot that holds an id, or the free one where it belongs, begins. */
  #slotOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#slots;
    const head = this.#head;
    const length = end - start;
    head.fill(0);
    for (let at = 0; at < 16 && at < length; at++) head[at >> 2]! |= bytes[start + at]! << (8 * (at & 3));
    const last = slots.length - 1;
    for (let slot = firstSlot(hash, last); ; slot = (slot + slotSize) & last) {
      if (slots[slot] === 0) return slot;
      if (
        slots[slot + 1] === hash &&
        slots[slot + 3] === length &&
        slots[slot + 4] === head[0] &&
        slots[slot + 5] === head[1] &&
        slots[slot + 6] === head[2] &&
        slots[slot + 7] === head[3] &&
        (length <= 16 || this.#sameTail(slots[slot + 2]!, bytes, start, end))
      )
        return slot;
    }
  }

  /** Whether the id at `own` goes on like the one looked for, of the same length, behind the first 16 bytes. */
  #sameTail(own: number, bytes: Uint8Array, start: number, end: number): boolean {
    let at = start + 16;
    while (at < end && this.#bytes[own + at - start] === bytes[at]) at++;
    return at === end;
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
    this.#slots.set([number + 1, hash, from, end - start, ...this.#head], slot);
    if (2 * slotSize * this.size > this.#slots.length) this.#grow();
    return number;
  }

  /** Makes room for the bytes up to `end` and one more start. */
  #reserve(end: number): void {
    if (end > this.#bytes.length) {
      const bytes = Buffer.allocUnsafe(Math.max(end, 2 * this.#bytes.length));
      this.#bytes.copy(bytes);
      this.#bytes = bytes;
    }
    if (this.size >= this.#starts.length) {
      const starts = new Int32Array(2 * this.#starts.length);
      starts.set(this.#starts);
      this.#starts = starts;
    }
  }

  /** Doubles the slots. */
  #grow(): void {
    const old = this.#slots;
    const slots = new Int32Array(2 * old.length);
    const last = slots.length - 1;
    for (let from = 0; from < old.length; from += slotSize) {
      if (old[from] === 0) continue;
      let slot = firstSlot(old[from + 1]!, last);
      while (slots[slot] !== 0) slot = (slot + slotSize) & last;
      for (let at = 0; at < slotSize; at++) slots[slot + at] = old[from + at]!;
    }
    this.#slots = slots;
  }

  /** Number of an id given as text, which is the next one if the id is new. */
  addText(id: string): number {
    const bytes = Buffer.from(id);
    return this.add(bytes, 0, bytes.length);
  }

  /** Number of an id given as text, -1 if it is not there. */
  findText(id: string): number {
    const bytes = Buffer.from(id);
    return this.find(bytes, 0, bytes.length);
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
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash;
}

/** Where the search for a hash begins; FNV's low bits alone are weak. */
function firstSlot(hash: number, last: number): number {
  return ((hash ^ (hash >>> 15)) * slotSize) & last;
}
