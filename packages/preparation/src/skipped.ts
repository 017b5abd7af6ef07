import { InputError } from '@ferry/data';

/** One row or line that cannot be used. */
export interface Damage {
  /** The file as the user named it. */
  file: string;
  /** Its line, counted from 1 (of Parquet: the row). */
  line: number;
  /** What was expected and what was found. */
  rule: string;
}

/** What becomes of damaged rows: the first few are an error, or all of them are left out, counted and listed. */
export type DamagePolicy = 'refuse' | 'skip';

/** Damaged rows shown in an error. */
const shown = 10;

/** Rows that cannot be used, in the order in which they were found. */
export class Skipped {
  /** All of them. */
  readonly list: Damage[] = [];
  readonly #policy: DamagePolicy;

  /** @param policy - Whether {@link settle} throws. */
  constructor(policy: DamagePolicy) {
    this.#policy = policy;
  }

  /** Adds one. */
  add(damage: Damage): void {
    this.list.push(damage);
  }

  /**
   * Called when a file has been looked at.
   *
   * @throws InputError naming the first ones if damaged rows are to be refused and there are any.
   */
  settle(): void {
    const [first] = this.list;
    if (this.#policy === 'skip' || !first) return;
    const others = this.list.slice(1, shown).map(({ file, line, rule }) => `\n  ${file}:${line}: ${rule}`);
    const more =
      this.list.length > shown ? `\n  and ${(this.list.length - shown).toLocaleString('en-US')} more` : '';
    const advice = '\n(--damaged skip leaves such rows out, counts and lists them)';
    throw new InputError(first.file, first.line, first.rule + others.join('') + more + advice);
  }
}
