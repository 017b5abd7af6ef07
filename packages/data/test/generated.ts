import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A 32-bit number that looks random, from its position; the same as in tools/parity/generated.py. */
export function mixed(i: number): number {
  let v = Math.imul(i, 2654435761) >>> 0;
  v = (v ^ (v >>> 16)) >>> 0;
  v = Math.imul(v, 2246822519) >>> 0;
  return (v ^ (v >>> 13)) >>> 0;
}

const [ITEMS, WIDTH] = [120, 512];

/** Item numbers from 0: every third follows from the one before, the others are popular the lower their number. */
function sequence(user: number): number[] {
  const items: number[] = [];
  for (let t = 0; t < 5 + (mixed(user + 1) % 60); t++) {
    const draw = mixed(1000 + user * 100 + t);
    const u = (draw >>> 8) / 2 ** 24;
    items.push(t > 0 && draw % 3 === 0 ? (items[t - 1]! * 7 + 1) % ITEMS : Math.floor(u * u * ITEMS));
  }
  return items;
}

/** Writes a data set in the form of MISSRec's Scientific: interactions, index, two feature files; nothing of it is real. */
export function writeGenerated(directory: string, users = 300): void {
  mkdirSync(directory, { recursive: true });
  const file = (suffix: string): string => join(directory, `Scientific.${suffix}`);
  const header = 'user_id:token\titem_id_list:token_seq\titem_id:token\n';
  const sequences = Array.from({ length: users }, (_, user) => sequence(user));
  const line = (user: number, end: number): string =>
    `${user}\t${sequences[user]!.slice(0, end).join(' ')}\t${sequences[user]![end]!}\n`;
  const all = (ends: (length: number) => number[]): string =>
    header + sequences.flatMap((own, user) => ends(own.length).map((end) => line(user, end))).join('');
  const index = (count: number, letter: string): string =>
    Array.from({ length: count }, (_, i) => `${letter}${i}\t${i}\n`).join('');
  writeFileSync(
    file('train.inter'),
    all((n) => Array.from({ length: n - 3 }, (_, t) => n - 3 - t)),
  );
  writeFileSync(
    file('valid.inter'),
    all((n) => [n - 2]),
  );
  writeFileSync(
    file('test.inter'),
    all((n) => [n - 1]),
  );
  writeFileSync(file('item2index'), index(ITEMS, 'i'));
  writeFileSync(file('user2index'), index(users, 'u'));
  for (const [suffix, salt] of [
    ['feat1CLS', 0],
    ['feat3CLS', 10_000_000],
  ] as const)
    writeFileSync(
      file(suffix),
      // Of 24 bits, so that float32 holds them as they are; the last ten items repeat the first.
      Float32Array.from(
        { length: ITEMS * WIDTH },
        (_, at) => (mixed(salt + (at % ((ITEMS - 10) * WIDTH))) >>> 8) / 2 ** 24 - 0.5,
      ),
    );
}
