// A large made-up domain in the atomic and in the jsonl form, written as it is drawn.
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Form that a domain is written in. */
export type Form = 'inter' | 'jsonl';

/** Numbers in [0, 1) from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Writes lines, a megabyte at once. */
export function writeLines(file: string, lines: Iterable<string>): void {
  const handle = openSync(file, 'w');
  let block = '';
  for (const line of lines) {
    block += `${line}\n`;
    if (block.length > 1 << 20) {
      writeSync(handle, block);
      block = '';
    }
  }
  writeSync(handle, block);
  closeSync(handle);
}

const itemId = (item: number): string => `B${String(item).padStart(9, '0')}`;
const title = (item: number): string => `Thing number ${item} of the made-up catalogue, with a handle`;

/**
 * Writes a domain of `interactions / 20` users and as many items. Popularity falls steeply; users and times come in no
 * order, which is the hardest for a reader.
 */
export function writeSyntheticDomain(directory: string, form: Form, interactions: number): void {
  mkdirSync(directory, { recursive: true });
  const count = Math.ceil(interactions / 20);
  const draw = random(1);
  const item = (): number => Math.floor(count * draw() ** 3);
  const time = (): number => 1_400_000_000 + Math.floor(1e8 * draw());
  const all = function* (length: number, line: (at: number) => string): Generator<string> {
    for (let at = 0; at < length; at++) yield line(at);
  };
  if (form === 'inter') {
    writeLines(
      join(directory, 'big.inter'),
      (function* () {
        yield 'user_id:token\titem_id:token\ttimestamp:float';
        yield* all(interactions, () => `u${Math.floor(count * draw())}\t${itemId(item())}\t${time()}`);
      })(),
    );
    writeLines(
      join(directory, 'big.item'),
      (function* () {
        yield 'item_id:token\ttitle:token_seq';
        yield* all(count, (at) => `${itemId(at)}\t${title(at)}`);
      })(),
    );
    return;
  }
  writeLines(
    join(directory, 'items.jsonl'),
    all(count, (at) => JSON.stringify({ id: itemId(at), title: title(at) })),
  );
  writeLines(
    join(directory, 'sequences.jsonl'),
    all(count, (at) =>
      JSON.stringify({
        user: `u${at}`,
        items: Array.from({ length: 20 }, () => itemId(item())),
        ts: Array.from({ length: 20 }, time),
      }),
    ),
  );
}
