import { describe, expect, it } from 'vitest';
import { InputError, readDomain } from '@ferry/data';
import { directoryWith, jsonl, toyAtomic, toyJsonl } from './helpers.ts';

const header = 'user_id:token\titem_id_list:token_seq\titem_id:token\n';
const items = toyJsonl['items.jsonl']!;
const one = (items: unknown, more: object = {}) => jsonl([{ user: 'u', items, ...more }]);

/** [what is broken, the files, what the message must say] */
const cases: [string, Record<string, string>, RegExp][] = [
  ['unknown item', { ...toyJsonl, 'sequences.jsonl': one(['a', 'b', 'z']) }, /sequences\.jsonl:1: .*"z"/],
  [
    'duplicate item',
    { ...toyJsonl, 'items.jsonl': items + jsonl([{ id: 'b' }]) },
    /items\.jsonl:6: .*"b" again \(first on line 2\)/,
  ],
  [
    'duplicate user',
    { ...toyJsonl, 'sequences.jsonl': one(['a', 'b', 'c']) + one(['a']) },
    /:2: .*"u" again/,
  ],
  ['bad JSON', { ...toyJsonl, 'sequences.jsonl': '{"user": 1\n' }, /sequences\.jsonl:1: .*one JSON object/],
  ['list line', { ...toyJsonl, 'items.jsonl': '[1]\n' }, /items\.jsonl:1: .*one JSON object/],
  [
    'fractional id',
    { ...toyJsonl, 'items.jsonl': jsonl([{ id: 1.5 }]) },
    /items\.jsonl:1: id must be .*1\.5/,
  ],
  ['no list', { ...toyJsonl, 'sequences.jsonl': one('a b') }, /sequences\.jsonl:1: items must be .*"a b"/],
  [
    'an id that is too large',
    { ...toyJsonl, 'items.jsonl': '{"id": 12345678901234567890}\n' },
    /as a string/,
  ],
  [
    'an integer that is not exact in a sequence',
    {
      'items.jsonl': jsonl([{ id: '9007199254740993' }]),
      'sequences.jsonl': '{"user":1,"items":[9007199254740993]}',
    },
    /sequences\.jsonl:1: an entry of items must be .*: write it as a string/,
  ],
  ['a blank id', { ...toyJsonl, 'items.jsonl': jsonl([{ id: ' ' }]) }, /items\.jsonl:1: id must be .*" "/],
  [
    'number title',
    { ...toyJsonl, 'items.jsonl': jsonl([{ id: 1, title: 3 }]) },
    /:1: title must be a string, got 3/,
  ],
  [
    'times of another length',
    { ...toyJsonl, 'sequences.jsonl': one(['a', 'b', 'c'], { ts: [1, 2] }) },
    /:1: ts must list one number for each of the 3 items, got 2 entries/,
  ],
  ['text time', { ...toyJsonl, 'sequences.jsonl': one(['a'], { ts: ['x'] }) }, /:1: ts must .*"x"/],
  ['half of the jsonl form', { 'items.jsonl': items }, /sequences\.jsonl: .*needs both/],
  ['no items', { ...toyJsonl, 'items.jsonl': '' }, /items\.jsonl: .*at least one item/],
  ['an empty directory', {}, /needs items\.jsonl and sequences\.jsonl, or \.inter files/],
  ['only short users', { ...toyJsonl, 'sequences.jsonl': one(['a', 'b']) }, /no user has the 3 interactions/],
  ['two data sets', { ...toyAtomic, 'other.inter': '' }, /one data set, got other, toy/],
  ['missing split', { 'x.train.inter': header, 'x.item2index': 'a\t0\n' }, /x\.valid\.inter: the valid part/],
  [
    'missing index',
    { 'x.train.inter': header, 'x.valid.inter': header, 'x.test.inter': header },
    /x\.item2index: the file is missing: .* name items by their index/,
  ],
  [
    'item beyond the index',
    { ...toyAtomic, 'toy.train.inter': `${header}0\t0 5\t2\n` },
    /train\.inter:2: .*\(0\.\.4\), got 5/,
  ],
  [
    'user beyond the index',
    { ...toyAtomic, 'toy.train.inter': `${header}3\t0\t2\n` },
    /train\.inter:2: .*user index \(0\.\.2\), got 3/,
  ],
  [
    'a word for an item',
    { ...toyAtomic, 'toy.test.inter': `${header}0\t0 x\t2\n` },
    /test\.inter:2: an entry of item_id_list must be an integer, got "x"/,
  ],
  ['a merged file', { ...toyAtomic, 'toy.test.inter': `${header}0\t0\t1-2\n` }, /:2: .*"1-2": a file merged/],
  [
    'empty history',
    { ...toyAtomic, 'toy.test.inter': `${header}0\t\t2\n` },
    /:2: a history needs at least one/,
  ],
  [
    'too few cells',
    { ...toyAtomic, 'toy.test.inter': `${header}0\t0 1\n` },
    /:2: .*3 tab-separated cells.*got 2/,
  ],
  ['too many cells', { ...toyAtomic, 'toy.test.inter': `${header}0\t0\t1\t9\n` }, /:2: .*got 4/],
  [
    'header without types',
    { ...toyAtomic, 'toy.test.inter': 'user_id\titem_id_list\titem_id\n' },
    /test\.inter:1: a header cell must be name:type.*"user_id"/,
  ],
  [
    'header of another type',
    { ...toyAtomic, 'toy.test.inter': 'user_id:token\titem_id_list:float_seq\titem_id:token\n' },
    /:1: .*column item_id_list:token_seq, got item_id_list:float_seq/,
  ],
  [
    'column twice',
    { ...toyAtomic, 'toy.test.inter': 'user_id:token\tuser_id:token\n' },
    /:1: .*"user_id" twice/,
  ],
  ['empty file', { ...toyAtomic, 'toy.test.inter': '' }, /test\.inter: .*typed header, got an empty file/],
  [
    'id twice',
    { ...toyAtomic, 'toy.item2index': 'a\t0\na\t1\n' },
    /item2index:2: .*"a" again \(first on line 1\)/,
  ],
  ['index twice', { ...toyAtomic, 'toy.item2index': 'a\t0\nb\t0\n' }, /item2index:2: .*got 0 again/],
  [
    'index gap',
    { ...toyAtomic, 'toy.item2index': 'a\t0\nb\t2\n' },
    /item2index: .*0\.\.1 without gaps.*for 1/,
  ],
  ['negative index', { ...toyAtomic, 'toy.item2index': 'a\t-1\n' }, /item2index:1: an index must be.*"-1"/],
  ['index line', { ...toyAtomic, 'toy.item2index': 'a 0\n' }, /item2index:1: a line must be id⇥index/],
  [
    'texts of other items altogether',
    { ...toyAtomic, 'toy.text': 'item_id:token\ttext:token_seq\nz\tZebra\ny\tYew\n' },
    /toy\.text:2: items must be those of the item index, got none of them: "z"/,
  ],
  [
    'two texts of one item',
    { ...toyAtomic, 'toy.text': 'item_id:token\ttext:token_seq\na\tx\na\ty\n' },
    /toy\.text:3: .*"a" again \(first on line 2\)/,
  ],
  [
    'bad timestamp',
    { 'x.inter': 'user_id:token\titem_id:token\ttimestamp:float\nu\ta\tsoon\n' },
    /x\.inter:2: timestamp must be a number, got "soon"/,
  ],
];

describe('readDomain refuses', () => {
  it.each(cases)('%s', async (_, files, message) => {
    const reading = readDomain(await directoryWith(files));
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toBeInstanceOf(InputError);
  });

  it('short users where asked', async () => {
    const directory = await directoryWith({ ...toyJsonl, 'sequences.jsonl': one(['a', 'b']) });
    await expect(readDomain(directory, { shortUsers: 'error' })).rejects.toThrow(
      /sequences\.jsonl:1: a user needs at least 3 interactions, got 2 for user "u"/,
    );
  });

  it('short users of an .inter file where asked, by the line of their first interaction', async () => {
    const rows = ['u\ta', 'u\tb', 'v\ta', 'u\tc', 'w\ta', 'w\tb'];
    const directory = await directoryWith({
      'x.inter': `user_id:token\titem_id:token\n${rows.join('\n')}\n`,
    });
    await expect(readDomain(directory, { shortUsers: 'error' })).rejects.toThrow(
      /x\.inter:4: a user needs at least 3 interactions, got 1 for user "v"/,
    );
  });

  it('a directory that is not there', async () => {
    await expect(readDomain('/nowhere/at/all')).rejects.toThrow(/must be a directory/);
  });
});
