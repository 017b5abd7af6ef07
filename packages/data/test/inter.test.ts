import { describe, expect, it } from 'vitest';
import { domainStatistics, readDomain } from '@ferry/data';
import { directoryWith, histories, jsonl, listed, toyAtomic } from './helpers.ts';

const read = async (files: Record<string, string>) => readDomain(await directoryWith(files));
const columns = 'user_id:token\titem_id:token\ttimestamp:float\n';
const timed = (times: readonly string[]) =>
  read({ 'x.inter': columns + times.map((time, at) => `u\ti${at}\t${time}\n`).join('') });

describe('times', () => {
  it.each([
    ['', /x\.inter:3: timestamp must be a number, got a blank cell/],
    [' ', /x\.inter:3: timestamp must be a number, got a blank cell/],
    ['NaN', /got "NaN"/],
    ['nan', /got "nan"/],
    ['inf', /got "inf"/],
    ['1e999', /got "1e999"/],
    ['0x10', /got "0x10"/],
    ['1_000', /got "1_000"/],
    ['1 000', /got "1 000"/],
    ['1,5', /got "1,5": write a point/],
    ['-', /got "-"/],
    ['.', /got "\."/],
    ['e5', /got "e5"/],
    ['2014-05-01', /got "2014-05-01": write dates as seconds/],
    ['2014-05-01T10:00:00Z', /write dates as seconds/],
  ])('refuses %j', async (time, message) => {
    await expect(timed(['1', time, '2'])).rejects.toThrow(message);
  });

  it('of no interaction at all are refused: a header alone', async () => {
    await expect(timed([])).rejects.toThrow(/x\.inter: there must be interactions, got a header alone/);
  });

  it('reads plain, signed, fractional and scientific numbers, and sorts by their values', async () => {
    const times = [
      '8.8e8',
      '-5',
      '0',
      '.5',
      '1.',
      '+2',
      ' 3 ',
      '880000001',
      '1234567890123456',
      '1E1',
      '81907313809958258',
    ];
    const domain = await timed(times);
    const sorted = times.map(Number).sort((a, b) => a - b);
    expect([...domain.sequences.times!]).toEqual(sorted);
    expect(histories(domain)).toEqual({ u: sorted.map((value) => `i${times.map(Number).indexOf(value)}`) });
  });

  it('may be a token column, and a file may do without, which is said', async () => {
    const text = `${columns.replace('timestamp:float', 'timestamp:token')}u\ta\t3\nu\tb\t2\nu\tc\t1\n`;
    const domain = await read({ 'x.inter': text });
    expect(histories(domain)).toEqual({ u: ['c', 'b', 'a'] });
    expect(domain.warnings).toEqual([]);
    const order = await read({ 'x.inter': text.replace('timestamp:token', 'when:token') });
    expect(histories(order)).toEqual({ u: ['a', 'b', 'c'] });
    expect(order.sequences.times).toBe(undefined);
    expect(order.warnings).toEqual([
      expect.stringMatching(
        /no column timestamp \(the columns are user_id, item_id, when\): the order of its lines is taken/,
      ),
    ]);
  });

  it('warns of units that are mixed, and of nothing else', async () => {
    expect((await timed(['880000000', '880000001000', '880000002'])).warnings).toEqual([
      expect.stringMatching(/x\.inter: times look mixed \(2 in seconds, 1 in milliseconds\)/),
    ]);
    expect((await timed(['0', '880000001', '880000002'])).warnings[0]).toMatch(/1 near 0/);
    for (const times of [
      ['1', '2', '3'],
      ['-880000000', '880000000', '1600000000'],
      ['880000000000', '1600000000000', '1600000000001'],
    ])
      expect((await timed(times)).warnings).toEqual([]);
  });

  it('of jsonl that fall are sorted, which is said; where some users have none, none is kept', async () => {
    const items = jsonl(['a', 'b', 'c'].map((id) => ({ id, title: id })));
    const fallen = await read({
      'items.jsonl': items,
      'sequences.jsonl': jsonl([
        { user: 'u', items: ['a', 'b', 'c'], ts: [3, 2, 1] },
        { user: 'v', items: ['a', 'b', 'c'], ts: [1, 2, 3] },
      ]),
    });
    expect(histories(fallen)).toEqual({ u: ['c', 'b', 'a'], v: ['a', 'b', 'c'] });
    expect([...fallen.sequences.times!]).toEqual([1, 2, 3, 1, 2, 3]);
    expect(fallen.warnings).toEqual([
      expect.stringMatching(
        /sequences\.jsonl: the items of 1 of 2 users were not in the order of their times/,
      ),
    ]);
    const partial = await read({
      'items.jsonl': items,
      'sequences.jsonl': jsonl([
        { user: 'u', items: ['a', 'b', 'c'] },
        { user: 'v', items: ['a', 'b', 'c'], ts: [3, 2, 1] },
      ]),
    });
    expect(histories(partial)).toEqual({ u: ['a', 'b', 'c'], v: ['c', 'b', 'a'] });
    expect(partial.sequences.times).toBe(undefined);
    expect(partial.warnings.at(-1)).toMatch(/1 of 2 users have no ts: times are left out/);
    // A user without items has no times to miss.
    for (const ts of [{}, { ts: [1, 2, 3] }]) {
      const empty = await read({
        'items.jsonl': items,
        'sequences.jsonl': jsonl([
          { user: 'e', items: [] },
          { user: 'u', items: ['a', 'b', 'c'], ...ts },
          { user: 'f', items: [] },
        ]),
      });
      expect(empty.warnings.join()).not.toMatch(/ts/);
      expect(empty.sequences.times?.length).toBe('ts' in ts ? 3 : undefined);
    }
  });
});

describe('headers', () => {
  it.each([
    [
      'user_id:token,item_id:token\n1,2\n',
      /x\.inter:1: columns must be separated by tabs, got commas in "user_id/,
    ],
    ['user_id:token;item_id:token\n1;2\n', /separated by tabs, got semicolons/],
    ['user_id:token item_id:token\n1 2\n', /separated by tabs, got spaces/],
    ['user_id:token|item_id:token\n1|2\n', /separated by tabs, got bars/],
    ['user_id\titem_id\n1\t2\n', /x\.inter:1: a header cell must be name:type .* got "user_id" in column 1/],
    ['1\t2\n', /a header cell must be name:type .* got "1"/],
    [
      '"user_id:token"\t"item_id:token"\n',
      /got "\\"user_id:token\\"" in column 1: write it without quotation/,
    ],
    ['user_id:token\titem_id:token\titem_id:token\n', /columns must be named once, got "item_id" twice/],
    ['user_id:token\tproduct:token\n', /must have a column item_id:token, got user_id:token, product:token/],
    ['user_id:float\titem_id:token\n', /must have a column user_id:token, got user_id:float/],
    ['user_id:token\titem_id:int\n', /name:type .* got "item_id:int" in column 2/],
    ['\n\n', /must start with a typed header, got an empty file/],
  ])('refuses %j', async (text, message) => {
    await expect(read({ 'x.inter': text })).rejects.toThrow(message);
  });
});

describe('ids', () => {
  it('keep blanks and quotation marks, which is said; blank ones are refused', async () => {
    const rows = ['u \ta', 'u \tb b', 'u \t"c"', 'u\t"c"', 'u\ta', 'u\tb b'];
    const domain = await read({ 'x.inter': `user_id:token\titem_id:token\n${rows.join('\n')}\n` });
    expect(histories(domain)).toEqual({ 'u ': ['a', 'b b', '"c"'], u: ['"c"', 'a', 'b b'] });
    expect(domain.warnings.slice(1)).toEqual([
      '1 item id stands in quotation marks, which is kept as part of the id: "\\"c\\""',
      '1 user id begins or ends with a blank, which is kept as part of the id: "u "',
    ]);
    for (const row of ['\ta', 'u\t', ' \ta', 'u\t  '])
      await expect(read({ 'x.inter': `user_id:token\titem_id:token\nu\ta\n${row}\n` })).rejects.toThrow(
        /x\.inter:3: (?:user|item)_id must not be empty/,
      );
  });
});

describe('ids that a spreadsheet rounded', () => {
  const said =
    /^1 item id is in the scientific notation of spreadsheets, whose last digits are lost.*"1\.23E\+11"$/;
  it.each([
    ['.inter', { 'x.inter': `user_id:token\titem_id:token\nu\ta\nu\t1.23E+11\nu\tb\n` }],
    ['S3Rec', { 'x.txt': 'u a 1.23E+11 b\n' }],
  ])('are said of %s', async (_, files) => {
    const { warnings } = await read(files);
    expect(warnings.filter((warning) => said.test(warning))).toHaveLength(1);
    expect(warnings.filter((warning) => warning.includes('user id'))).toEqual([]);
  });
});

describe('ids that may be none or two', () => {
  const warned = async (ids: string): Promise<string[]> => {
    const { warnings } = await read({ 'x.txt': `u ${ids} p q\n` });
    return warnings.filter((warning) => /missing|written/.test(warning));
  };

  it.each(['NULL', 'null', 'NaN', 'None', 'undefined', '<NA>', '\\N', '#N/A'])('%s is said', async (id) => {
    expect(await warned(`a ${id} b`)).toEqual([
      `1 item id is what programs write for a value that is missing, so that what has none is one item: ${JSON.stringify(id)}`,
    ]);
  });

  it.each([
    ['a decimal beside a whole number', '12.0 12 7.0 3', 1],
    ['two decimals', '12.0 12.00', 2],
    ['an accent of its own beside a letter with it', 'caf\u00e9 cafe\u0301 b', 1],
  ])('%s', async (_, ids, count) => {
    const [warning, ...others] = await warned(ids);
    expect(others).toEqual([]);
    expect(warning).toMatch(new RegExp(`^${count} item ids? (differs|differ) from .*written`));
  });

  it.each(['NULLS nullable NA nano', '12.0 13.0 1.5 12.05', 'v1.0 v1 1.0.0 1', 'caf\u00e9 cafe'])(
    'nothing is said of %s',
    async (ids) => {
      expect(await warned(ids)).toEqual([]);
    },
  );
});

describe('items', () => {
  const inter = `${columns}u\tb\t1\nu\ta\t2\nu\tb\t3\nv\ta\t1\n`;

  it('that nobody took are part of the catalogue, after the others', async () => {
    const domain = await read({
      'x.inter': inter,
      'x.item': 'item_id:token\tmovie_title:token_seq\nc\tCasablanca\nb\tBrazil\na\tAlien\nd\t\n',
    });
    expect(domain.items.ids).toEqual(['b', 'a', 'c', 'd']);
    expect(domain.items.titles).toEqual(['Brazil', 'Alien', 'Casablanca', '']);
    expect(domain.items.texts).toEqual(domain.items.titles);
    expect([...domain.trainCounts]).toEqual([0, 1, 0, 0, 0]);
    expect(domain.warnings.at(-1)).toMatch(/x\.item: 2 of 4 items are in no interaction; they stay/);
  });

  it('that an index leaves out are passed over', async () => {
    const domain = await read({
      'x.inter': inter,
      'x.item2index': 'a\t0\nb\t1\n',
      'x.item': 'item_id:token\tname:token\nc\tCasablanca\nb\tBrazil\n',
    });
    expect(domain.items.ids).toEqual(['a', 'b']);
    expect(domain.items.titles).toEqual(['', 'Brazil']);
    expect(domain.warnings.at(-1)).toMatch(/1 items are not in the item index and were passed over/);
  });

  it('have titles under many names, the most telling first; where there is none the columns are listed', async () => {
    const item = 'item_id:token\tprice:float\tname:token\tproduct_title:token_seq\nb\t1\tno\tyes\na\t\t\t\n';
    const both = await read({ 'x.inter': inter, 'x.item': item });
    expect(both.items.titles).toEqual(['yes', '']);
    const none = await read({ 'x.inter': inter, 'x.item': item.replaceAll(/\w*(?:name|title)/g, 'z$&') });
    expect(none.items.titles).toEqual(['', '']);
    expect(none.warnings.at(-1)).toMatch(
      /x\.item: no column holds titles \(the columns are item_id, price, zname, zproduct_title; titles are read from title, movie_title/,
    );
  });

  it('with a blank text have their title for one, and the other way round, in both forms', async () => {
    const atomic = await read({
      'x.inter': inter,
      'x.item': 'item_id:token\ttitle:token_seq\na\tAlien\nb\t \n',
      'x.text': 'item_id:token\ttext:token_seq\na\t\nb\tA film.\n',
    });
    expect([atomic.items.titles, atomic.items.texts]).toEqual([
      ['A film.', 'Alien'],
      ['A film.', 'Alien'],
    ]);
    const simple = await read({
      'items.jsonl': jsonl([
        { id: 'a', title: 'Alien', text: '', image: '' },
        { id: 'b', title: null, text: 'A film.' },
      ]),
      'sequences.jsonl': jsonl([{ user: 'u', items: ['a', 'b', 'a'] }]),
    });
    expect([simple.items.titles, simple.items.texts]).toEqual([
      ['Alien', 'A film.'],
      ['Alien', 'A film.'],
    ]);
    expect(simple.items.images).toEqual([undefined, undefined]);
  });
});

describe('users with fewer than three interactions', () => {
  it('stay known with whole sequences, and give no row and no count', async () => {
    const domain = await read({
      'items.jsonl': jsonl(['a', 'b', 'c', 'd'].map((id) => ({ id, title: id }))),
      'sequences.jsonl': jsonl([
        { user: 1, items: [] },
        { user: 'one', items: ['d'], ts: [4] },
        { user: 'four', items: ['a', 'b', 'c', 'a'], ts: [1, 2, 3, 4] },
        { user: 'two', items: ['d', 'c'], ts: [2, 1] },
      ]),
    });
    expect(histories(domain)).toEqual({
      1: [],
      one: ['d'],
      four: ['a', 'b', 'c', 'a'],
      two: ['c', 'd'],
    });
    expect([...domain.sequences.times!]).toEqual([4, 1, 2, 3, 4, 1, 2]);
    expect(listed(domain.train)).toEqual([[2, [1], 2]]);
    expect(listed(domain.valid)).toEqual([[2, [1, 2], 3]]);
    expect(listed(domain.test)).toEqual([[2, [1, 2, 3], 1]]);
    expect([...domain.trainCounts]).toEqual([0, 1, 1, 0, 0]);
    expect(domain.warnings.join()).toMatch(/3 of 4 users have fewer than 3 interactions/);
    const { counts } = domainStatistics(domain);
    expect(counts).toEqual({
      items: 4,
      users: 4,
      interactions: 7,
      trainInteractions: 2,
      train: 1,
      valid: 1,
      test: 1,
    });
  });

  it('of a user index have no rows in a ready-made split', async () => {
    const domain = await read({ ...toyAtomic, 'toy.user2index': 'u3\t2\nidle\t3\nu2\t1\nu1\t0\n' });
    expect(domain.users).toEqual(['u1', 'u2', 'u3', 'idle']);
    expect(histories(domain)['idle']).toEqual([]);
    expect(domain.warnings).toEqual([expect.stringMatching(/1 of 4 users of the user index have no row/)]);
  });
});
