import { describe, expect, it } from 'vitest';
import { Folder, prepared, refusal } from './helpers.ts';
import { loadSettings, parseSplit, prepare, withFlags } from '../src/index.ts';

const folder = new Folder();
const rows = Array.from({ length: 12 }, (_, at) => `u${at % 3},i${at % 4},${at}`);
const file = folder.file('log.csv', ['user,item,time', ...rows].join('\n'));

describe('a split that no domain can have', () => {
  it.each([
    ['temporal-by-user,valid=2', /must leave a share for training, got valid 2 and test 0\.1/],
    ['random-by-user,valid=.5,test=.5', /must leave a share for training/],
    ['global-temporal,validFrom=10,testFrom=5', /validFrom must not be after testFrom, got 10 and 5/],
    ['random-by-user,test=.1,test=.2', /takes a setting once, got 'test' twice/],
    ['temporal-by-user,vaild=.1', /takes settings such as valid=\.1/],
  ])('%s is refused as it is typed', (split, says) => {
    expect(() => parseSplit(split)).toThrow(says);
  });

  it('is refused in a description too, with its place', () => {
    const own = folder.file(
      'own.yaml',
      'interactions: { file: log.csv }\nsplit: { name: temporal-by-user, test: 1 }\n',
    );
    expect(() => loadSettings(own, {})).toThrow(/own\.yaml:2:8 .*must leave a share for training/);
  });

  it.each([
    [{ split: 'files' }, {}, /split files needs a file for each part/],
    [{ split: 'temporal-by-user', order: 'none' }, {}, /split temporal-by-user needs an order/],
    [{ split: 'global-temporal', order: 'file' }, {}, /global-temporal needs the time of every interaction/],
    [{ split: 'random-by-user' }, { parts: { train: file, test: file } }, /parts are a split of their own/],
  ] as const)('is refused before it is written: %j', async (flags, interactions, says) => {
    const settings = withFlags({ interactions }, flags, 'parts' in interactions ? undefined : file);
    const options = { out: folder.out(), command: '', version: '', threads: 1 };
    await expect(prepare(settings, options)).rejects.toThrow(says);
  });

  it('is said where leave-one-out has no order', async () => {
    const said: string[] = [];
    await prepared(folder, file, { order: 'none' }, { line: (text) => said.push(text) });
    expect(said).toContainEqual(
      expect.stringMatching(/no order, so that leave-one-out tests on the last item by id/),
    );
  });
});

describe('what cannot be meant', () => {
  it('is one column for users and items', async () => {
    expect(await refusal(folder, file, { user: 'user', item: 'user' })).toMatch(
      /log\.csv: user and item must be different columns, got column 1 for both/,
    );
  });

  it('is a file of items with none of the items', async () => {
    const items = folder.file('items.csv', 'id,title\n0.0,a\n1.0,b\n');
    expect(await refusal(folder, file, { items })).toMatch(
      /items\.csv: the file of items must have rows of items that were taken, got none: its ids are such as "0\.0", those taken such as "i0"/,
    );
  });

  it('is a point in time that is none, which is found before a file is read', async () => {
    const missing = folder.file('gone/x.csv', '');
    expect(await refusal(folder, missing, { since: 'infinity' })).toMatch(
      /rules\.from: must be a number or a date/,
    );
  });

  it('is a domain to compare with that is not there, or none', async () => {
    const with_ = { with: [`${folder.path}/nowhere`], out: folder.out() };
    await expect(prepared(folder, file, {}, with_)).rejects.toThrow(/nowhere: .*there is nothing there/);
    await expect(prepared(folder, file, {}, { drop: ['later'] })).rejects.toThrow(/--drop needs the domain/);
  });

  it('is a memory in which nothing fits, or more threads than machines have', async () => {
    await expect(prepared(folder, file, {}, { memory: '0GB' })).rejects.toThrow(
      /^--memory 0GB is too little for this: give more, or fewer --threads \(Out of Memory Error[^\n]*\)$/,
    );
    await expect(prepared(folder, file, {}, { threads: 100_000 })).rejects.toThrow(
      /threads must be at most 1024/,
    );
  });
});
