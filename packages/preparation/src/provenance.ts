import type { Shared } from './leakage.ts';

/** A file that was read. */
export interface Input {
  /** As it was named. */
  file: string;
  /** Its size. */
  bytes: number;
  /** SHA-256 of its bytes. */
  sha256: string;
  /** What it was found to be, in words. */
  form: string;
  /** Rows in it, damaged ones included, blank lines not. */
  rows: number;
}

/** Sizes of what is left. */
export interface Counts {
  /** Interactions. */
  interactions: number;
  /** Users with any. */
  users: number;
  /** Items with any. */
  items: number;
}

/** One rule and what it did. */
export interface Step {
  /** The rule in words. */
  rule: string;
  /** What was there. */
  before: Counts;
  /** What is left. */
  after: Counts;
  /** Anything else worth knowing. */
  note?: string;
}

/** Where a domain comes from: `provenance.json` beside it. */
export interface Provenance {
  /** Version of Ferry. */
  ferry: string;
  /** What was typed. */
  command: string;
  /** The card, if it was one, and its category. */
  card?: { name: string; category?: string; version?: string };
  /** Files read. */
  inputs: Input[];
  /** Everything that was asked for, defaults filled in. */
  settings: unknown;
  /** What was found out, a sentence each. */
  found: string[];
  /** Rows that could not be used, by file and rule; `skipped.jsonl` lists them. */
  damaged: { count: number; policy: string };
  /** The rules in their order. */
  steps: Step[];
  /** In what order a user's interactions stand. */
  order: {
    /** By time, as in the file, or in none. */
    by: 'time' | 'file' | 'none';
    /** What decides between equal times. */
    ties: string;
    /** Interactions that share user and time with another. */
    tied: number;
    /** Users that have such. */
    tiedUsers: number;
  };
  /** Sizes of the domain, and what the card expects. */
  counts: Counts & { expected?: Counts };
  /** How items are known. */
  items: {
    /** Items with a title. */
    titled: number;
    /** Items with a text. */
    texts: number;
    /** Items with a picture. */
    images: number;
  };
  /** What is shared with other domains, as it was asked for. */
  with?: Shared[];
  /** The split by name. */
  split: unknown;
  /** Files written. */
  outputs: { file: string; bytes: number; sha256: string }[];
}
