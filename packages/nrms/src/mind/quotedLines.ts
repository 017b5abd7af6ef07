/**
 * Reads lines as a reader of CSV does that minds quotation marks: a cell that begins with one goes on, over line ends,
 * to the next. MIND's titles hold marks that nothing closes, so lines between two of them are lost (the thesis's defect
 * E5). For measuring what that does; MIND is read without.
 */
export class QuotedLines {
  #cells: string[] = [];
  #cell = '';
  #quoted = false;

  /** Takes the next line; gives the cells of a record when it ends. */
  push(line: string): string[] | undefined {
    for (let at = 0; at < line.length; at++) {
      const mark = line[at]!;
      if (this.#quoted) {
        if (mark !== '"') this.#cell += mark;
        else if (line[at + 1] === '"') {
          this.#cell += mark;
          at++;
        } else this.#quoted = false;
      } else if (mark === '"' && this.#cell === '') this.#quoted = true;
      else if (mark === '\t') this.#end();
      else this.#cell += mark;
    }
    if (!this.#quoted) return this.#record();
    this.#cell += '\n';
    return undefined;
  }

  /** What is left when the file ends within a quotation. */
  rest(): string[] | undefined {
    return this.#quoted ? this.#record() : undefined;
  }

  #end(): void {
    this.#cells.push(this.#cell);
    this.#cell = '';
  }

  #record(): string[] {
    this.#end();
    const cells = this.#cells;
    this.#cells = [];
    this.#quoted = false;
    return cells;
  }
}
