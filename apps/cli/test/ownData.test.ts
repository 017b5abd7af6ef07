import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildProgram } from '../src/program.ts';

const guide = readFileSync(join(import.meta.dirname, '../../../docs/own-data.md'), 'utf8');

/** The blocks of the guide, in order: a language, and the text. */
const blocks = [...guide.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, text]) => ({
  language: language!,
  text: text!,
}));
const commands = blocks
  .flatMap(({ text }) => text.split('\n'))
  .filter((line) => line.startsWith('npx ferry '))
  .map((line) => line.slice('npx ferry '.length));

describe('the guide to one’s own data', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-guide-'));
  const before = process.cwd();
  const cache = process.env['FERRY_CACHE'];
  let output = '';
  beforeAll(() => {
    process.chdir(folder);
    process.env['FERRY_CACHE'] = join(folder, 'cache');
    // The first block is the log as it begins.
    const [header, first, second] = blocks[0]!.text.trim().split('\n');
    const names = ['red-guitar', 'blue-guitar', 'drum', 'harp', 'flute', 'oboe'];
    const rows = Array.from({ length: 8 }, (_, user) =>
      names.slice(user % 2).map((item, at) => `u${user},${item},${1 + (at % 5)},2023-01-0${at + 4}`),
    ).flat();
    writeFileSync('interactions.csv', [header, first, second, ...rows].join('\n'));
    writeFileSync(
      'log.tsv',
      rows
        .map((row) => row.split(','))
        .map(([user, item, rating, time]) => [user, rating, item, time].join('\t'))
        .join('\n'),
    );
    const items = names.map(
      (name) =>
        `${name},"${name.replace('-', ' ')}, new",` +
        `"Something to play music on, by hand or mouth: the ${name}.",img/${name}.jpg`,
    );
    writeFileSync('items.csv', ['id,name,description,picture', ...items].join('\n'));
    writeFileSync(
      'source.csv',
      ['user,item,time', 'u1,drum,2023-01-04', 'u1,x,2023-01-05', 'u1,y,2023-01-09', 'w,x,2020-01-01'].join(
        '\n',
      ),
    );
    writeFileSync('source-items.csv', ['id,title', 'drum,drum', 'x,New red guitar', 'y,Y'].join('\n'));
    writeFileSync(
      'mydata.yaml',
      blocks
        .find(({ language }) => language === 'yaml')!
        .text.replace('userCore: 5, itemCore: 5', 'userCore: 2, itemCore: 2'),
    );
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      output += String(text);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  });
  afterAll(() => {
    vi.restoreAllMocks();
    process.chdir(before);
    if (cache === undefined) delete process.env['FERRY_CACHE'];
    else process.env['FERRY_CACHE'] = cache;
    rmSync(folder, { recursive: true });
  });

  it('works as it is written', async () => {
    // What is fetched from a public host is tried against a server of one's own elsewhere.
    const offline = commands.filter((command) => !/^prepare (?:amazon-2018|movielens) /.test(command));
    expect(offline.length).toBeGreaterThanOrEqual(8);
    for (const command of offline) {
      output = '';
      await buildProgram().parseAsync(['node', 'ferry', ...command.split(' ')]);
      expect(output, command).not.toBe('');
      if (command.includes('--with'))
        expect(output).toMatch(
          /shared with mydomain: 1 users, 1 items; 1 items have a similar title there; 1 interactions/,
        );
    }
    for (const path of [
      'mydomain/provenance.json',
      'from-log/sequences.jsonl',
      'mydomain.html',
      'source/items.jsonl',
      'again/split.json',
    ])
      expect(existsSync(path), path).toBe(true);
    expect(readFileSync('mydomain/items.jsonl', 'utf8')).toContain(
      '"text":"red guitar, new. Something to play music on',
    );
    expect(readFileSync('mydomain.html', 'utf8')).toContain('Nearest neighbours');
  });
});
