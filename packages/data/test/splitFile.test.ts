import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDomain, splitDomain } from '../src/index.ts';

describe('split.json', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ferry-split-'));
    const items = ['a', 'b', 'c', 'd', 'e'].map((id) => JSON.stringify({ id, title: id }));
    write('items.jsonl', items.join('\n'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });
  const write = (name: string, text: string): void => {
    writeFileSync(join(directory, name), `${text}\n`);
  };
  const rows = ({ users, items, starts, ends, targets }: Awaited<ReturnType<typeof readDomain>>['test']) =>
    Array.from(users, (user, row) => [user, [...items.subarray(starts[row], ends[row])], targets[row]]);

  it('names the protocol of a domain', async () => {
    write('sequences.jsonl', '{"user":"u","items":["a","b","c","d","e"]}');
    write('split.json', '{"name":"temporal-by-user","valid":0.2,"test":0.4}');
    const domain = await readDomain(directory);
    const expected = splitDomain(domain, { name: 'temporal-by-user', valid: 0.2, test: 0.4 });
    expect(domain.protocol).toBe('temporal-by-user');
    expect(rows(domain.test)).toEqual(rows(expected.test));
    expect(rows(domain.test)).toHaveLength(2);
  });

  it('files: parts are sets, and no test row sees another test item', async () => {
    write('sequences.jsonl', '{"user":"u","items":["a","b","c","d","e"],"parts":[0,2,0,1,2]}');
    write('split.json', '{"name":"files"}');
    const domain = await readDomain(directory);
    expect(domain.protocol).toBe('files');
    expect(rows(domain.train)).toEqual([[0, [1], 3]]);
    expect(rows(domain.valid)).toEqual([[0, [1, 3], 4]]);
    expect(rows(domain.test)).toEqual([
      [0, [1, 3, 4], 2],
      [0, [1, 3, 4], 5],
    ]);
    expect([...domain.trainCounts]).toEqual([0, 1, 0, 1, 0, 0]);
    expect(splitDomain(domain, { name: 'files' })).toStrictEqual(domain);
  });

  it('is checked', async () => {
    write('sequences.jsonl', '{"user":"u","items":["a","b","c"],"parts":[0,3,0]}');
    const says = async (text: string): Promise<string> => {
      write('split.json', text);
      return readDomain(directory).then(
        () => 'nothing',
        (error: unknown) => (error as Error).message.slice(directory.length),
      );
    };
    expect(await says('{"name":"temporal-by-user","valid":2}')).toMatch(
      /^.?split\.json: shares must not be negative and must leave a share for training, got valid 2/,
    );
    expect(await says('{"name":"global-temporal"}')).toMatch(
      /^.?split\.json: global-temporal needs the time/,
    );
    expect(await says('{"name":"files"}')).toMatch(/sequences\.jsonl:1: parts must list 0/);
    expect(await says('{"name":"temporal"}')).toMatch(
      /split\.json: name must be one of leave-one-out, random-by-user/,
    );
    expect(await says('{"name":"temporal-by-user","seed":1}')).toMatch(
      /has the settings valid, test, got "seed"/,
    );
    expect(await says('{"name":"temporal-by-user","test":"x"}')).toMatch(/test must be a number, got "x"/);
    expect(await says('[]')).toMatch(/split\.json: the file must be a JSON object/);
  });
});
