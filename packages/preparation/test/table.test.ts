import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { readDomain } from '@ferry/data';
import { describe, expect, it } from 'vitest';
import { Folder, prepared, refusal, type Made } from './helpers.ts';

const folder = new Folder();

const rows = [
  ['u2', 'b', '4', '30'],
  ['u1', 'a', '5', '10'],
  ['u1', 'c', '3', '20'],
  ['u1', 'b', '4', '20'],
  ['u2', 'a', '1', '30'],
  ['u2', 'c', '2', '31'],
] as const;
const header = ['user_id', 'item_id', 'rating', 'timestamp'];
const table = (separator: string, first: readonly string[] = header): string =>
  [...(first.length > 0 ? [first] : []), ...rows].map((row) => row.join(separator)).join('\n');

/** What every form of the rows gives: by time, equal times by item. */
function expectRows({ sequences, items, provenance }: Made): void {
  expect(sequences).toEqual([
    { user: 'u1', items: ['a', 'b', 'c'], ts: [10, 20, 20] },
    { user: 'u2', items: ['a', 'b', 'c'], ts: [30, 30, 31] },
  ]);
  expect(items.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  expect(provenance.counts).toEqual({ interactions: 6, users: 2, items: 3 });
  expect(provenance.order).toMatchObject({ by: 'time', tied: 4, tiedUsers: 2 });
}

describe('a table of interactions', () => {
  it('may be CSV, and its columns are found by their usual names', async () => {
    const made = await prepared(folder, folder.file('plain.csv', table(',')));
    expectRows(made);
    expect(made.provenance.found[0]).toMatch(
      /user "user_id", item "item_id", rating "rating", time "timestamp"/,
    );
    const domain = await readDomain(made.out);
    expect(domain.test.targets).toHaveLength(2);
  });

  const json = rows.map(([user_id, item_id, rating, timestamp]) => ({
    user_id,
    item_id,
    rating: Number(rating),
    timestamp: Number(timestamp),
  }));
  const forms: [string, string | Uint8Array, object?][] = [
    ['tabs.tsv', table('\t')],
    ['semicolons.csv', table(';')],
    ['colons.dat', table('::', []), { user: '1', item: '2', rating: '3', time: '4' }],
    ['no-header.csv', table(',', []), { user: '1', item: '2', time: '4' }],
    [
      'other-names.csv',
      table(',', ['who', 'what', 'how', 'when']),
      { user: 'who', item: 'what', time: 'when' },
    ],
    ['recbole.inter', table('\t', ['user_id:token', 'item_id:token', 'rating:float', 'timestamp:float'])],
    ['packed.csv.gz', gzipSync(table(','))],
    ['packed-under-another-name.csv', gzipSync(table(','))],
    ['unpacked-under-its-name.csv.gz', table(',')],
    ['packed.jsonl', gzipSync(json.map((row) => JSON.stringify(row)).join('\n'))],
    [
      'nested.jsonl',
      json
        .map(({ user_id: id, item_id, ...rest }) =>
          JSON.stringify({ user: { id }, what: { key: [item_id] }, ...rest }),
        )
        .join('\n'),
      { user: 'user.id', item: 'what.key.0', rating: 'rating' },
    ],
    ['members.csv.gz', Buffer.concat([gzipSync(table(',').slice(0, 50)), gzipSync(table(',').slice(50))])],
    ['windows.csv', `\uFEFF${table(',').replaceAll('\n', '\r\n')}\r\n`],
    ['mixed-ends.csv', `${table(',').replace('\n', '\r\n')}\n\n  \n`],
    ['packed-windows.csv.gz', gzipSync(table(',').replaceAll('\n', '\r\n'))],
    ['quoted.csv', [header, ...rows].map((row) => row.map((cell) => `"${cell}"`).join(',')).join('\n')],
    ['lines.jsonl', json.map((row) => JSON.stringify(row)).join('\n')],
    ['lines.json.gz', gzipSync(json.map((row) => JSON.stringify(row)).join('\n'))],
    ['array.json', `[${json.map((row) => JSON.stringify(row)).join(',\n')}]\n`],
    [
      'python.json',
      rows
        .map(([u, i, r, t]) =>
          `{'user_id': '${u}', 'item_id': u'${i}', 'rating': ${r}.0, "timestamp": ${t}L}`.replace('L', ''),
        )
        .join('\n'),
    ],
    ['exponents.csv', table(',').replace(',31', ',3.1e1').replace(',30', ',30.0')],
  ];
  it.each(forms)('may be %s', async (name, content, flags = {}) => {
    expectRows(await prepared(folder, folder.file(name, content), flags));
  });

  it('may be Parquet', async () => {
    const csv = folder.file('source.csv', table(','));
    const connection = await (await DuckDBInstance.create()).connect();
    await connection.run(`COPY (FROM read_csv('${csv}')) TO '${folder.path}/rows.parquet'`);
    expectRows(await prepared(folder, `${folder.path}/rows.parquet`));
  });

  it('gives the same bytes again, with other threads, and shuffled', async () => {
    const first = await prepared(folder, folder.file('once.csv', table(',')));
    const again = await prepared(folder, `${folder.path}/once.csv`, {}, { threads: 2 });
    expect(again.bytes).toBe(first.bytes);
    expect(again.provenance).toEqual(first.provenance);
    const shuffled = [header, ...[3, 5, 0, 4, 2, 1].map((row) => rows[row]!)]
      .map((row) => row.join(','))
      .join('\n');
    expect((await prepared(folder, folder.file('shuffled.csv', shuffled))).bytes).toBe(first.bytes);
    // The test can fail: with ties as in the file they differ.
    const inFile = await prepared(folder, `${folder.path}/once.csv`, { ties: 'file' });
    expect((await prepared(folder, `${folder.path}/shuffled.csv`, { ties: 'file' })).bytes).not.toBe(
      inFile.bytes,
    );
    expect(inFile.sequences[0]!.items).toEqual(['a', 'c', 'b']);
    expect(inFile.provenance.order).toMatchObject({
      tied: 4,
      ties: expect.stringMatching(/shuffled rows give another/) as string,
    });
  });

  it('without times keeps the order of the file, or none', async () => {
    const file = folder.file('order.csv', 'user,item\nu,c\nu,a\nu,b\n');
    expect((await prepared(folder, file)).sequences).toEqual([{ user: 'u', items: ['c', 'a', 'b'] }]);
    expect((await prepared(folder, file, { order: 'none' })).sequences[0]!.items).toEqual(['a', 'b', 'c']);
  });

  it('has ids in the order of their numbers where all are numbers', async () => {
    const file = folder.file('numbers.csv', 'user,item\n10,2\n10,10\n10,1\n9,10\n9,2\n9,1\n');
    const { items, sequences } = await prepared(folder, file);
    expect(items.map(({ id }) => id)).toEqual(['1', '2', '10']);
    expect(sequences.map(({ user }) => user)).toEqual(['9', '10']);
  });

  it('has dates of usual forms, to the second', async () => {
    const dates = ['2019-11-12 14:14:46', '2019-11-12T16:14:46+02:00', '11/12/2019 2:14:46 PM', '1573568086'];
    const lines = dates.map((date, at) => `u,i${at},"${date}"`);
    const { sequences } = await prepared(
      folder,
      folder.file('dates.csv', ['user,item,time', ...lines].join('\n')),
    );
    expect(sequences[0]!.ts).toEqual([1573568086, 1573568086, 1573568086, 1573568086]);
  });

  it('says which way round it reads dates that could be either', async () => {
    const of = async (date: string): Promise<string[]> => {
      const { provenance } = await prepared(
        folder,
        folder.file('w.csv', `user,item,time\n${`u,i,${date}\n`.repeat(3)}`),
      );
      return provenance.found.filter((sentence) => sentence.includes('month first'));
    };
    expect(await of('01/08/2023')).toEqual([
      expect.stringMatching(/w\.csv have the month first: 01\/08\/2023$/),
    ]);
    expect(await of('2023-01-08')).toEqual([]);
  });

  it('may have separators, line breaks and marks in quoted cells of its first line, a header or not', async () => {
    const first = '"note; ""free"",\nor not"';
    const lines = [1, 2, 3].map((at) => `u,"i,${at}","a; b; c; d",${at}`);
    const wanted = [{ user: 'u', items: ['i,1', 'i,2', 'i,3'], ts: [1, 2, 3] }];
    const named = folder.file('first.csv', [`user,item,${first},time`, ...lines].join('\r\n'));
    expect((await prepared(folder, named)).sequences).toEqual(wanted);
    expect((await prepared(folder, named, { time: '4' })).sequences).toEqual(wanted);
    const bare = folder.file('bare.csv', lines.join('\n'));
    expect((await prepared(folder, bare, { user: '1', item: '2', time: '4' })).sequences).toEqual(wanted);
  });

  it('of JSON may have keys with points, marks and digits alone', async () => {
    const lines = [1, 2, 3].map((at) => JSON.stringify({ 'user.id': 'u', 0: `i${at}`, 'the "time"': at }));
    const { sequences } = await prepared(folder, folder.file('keys.jsonl', lines.join('\n')), {
      user: 'user.id',
      item: '0',
      time: 'the "time"',
    });
    expect(sequences).toEqual([{ user: 'u', items: ['i1', 'i2', 'i3'], ts: [1, 2, 3] }]);
  });

  it('keeps ids beyond 2^53 apart, in every form', async () => {
    const ids = ['9007199254740992', '9007199254740993', '123456789012345678901234567890'];
    const forms = {
      'big.csv': ['user,item', ...ids.map((id) => `${ids[1]!},${id}`)],
      'big.jsonl': ids.map((id) => `{"user": ${ids[1]!}, "item": ${id}}`),
      'big.json': ids.map((id) => `{'user': ${ids[1]!}, 'item': ${id}}`),
    };
    for (const [name, lines] of Object.entries(forms))
      expect((await prepared(folder, folder.file(name, lines.join('\n')))).sequences, name).toEqual([
        { user: ids[1], items: ids },
      ]);
  });

  it('takes its ids as they are: quotation marks in tabs, blanks inside, other scripts', async () => {
    const text = 'user\titem\ttime\n"a b"\tx"y\t1\n"a b"\t日本\t2\n"a b"\té\t3\n';
    const { sequences } = await prepared(folder, folder.file('odd.tsv', text));
    expect(sequences).toEqual([{ user: '"a b"', items: ['x"y', '日本', 'é'], ts: [1, 2, 3] }]);
  });
});

describe('columns', () => {
  it('are ids, and no objects that hold some', async () => {
    const lines = rows.map(([id, item_id]) => JSON.stringify({ user: { id }, item_id }));
    expect(await refusal(folder, folder.file('objects.jsonl', lines.join('\n')))).toMatch(
      /objects\.jsonl:1: user must be one id, got the object {"id":"u2"}: name what lies in it, .* such as user\.id/,
    );
    expect(await refusal(folder, folder.file('array.json', `[${lines.join(', ')}]\n`))).toMatch(
      /array\.json:1: JSON must have one object a line, got an array in a single line/,
    );
  });

  it('that cannot be found are asked for', async () => {
    const file = folder.file('strange.csv', 'alpha,beta,gamma\n1,2,3\n');
    expect(await refusal(folder, file, { header: true })).toBe(
      'InputError: strange.csv: no column has a usual name of the user: name it with --user; there are "alpha", ' +
        '"beta", "gamma"',
    );
    expect(await refusal(folder, file)).toMatch(
      /no header that names its 3 columns: say which is which by their places/,
    );
    expect(await refusal(folder, file, { header: true, user: 'alpa', item: 'beta' })).toMatch(
      /user must name a column, got "alpa".*did you mean 'alpha'/,
    );
    expect(await refusal(folder, file, { user: '4', item: '1' })).toMatch(
      /user must be one of the 3 columns, got column 4/,
    );
    expect(await refusal(folder, file, { user: '1', item: 'x' })).toMatch(
      /item must be the place of a column/,
    );
    expect(await refusal(folder, folder.file('twice.csv', 'user,item,user\n1,2,3\n'))).toMatch(
      /named once, got "user" twice/,
    );
  });
});

describe('other forms', () => {
  it('sequences: a line is a user, oldest first, and only lines may be shuffled', async () => {
    const lines = ['1 3 2 3', '2 1 2', '10 5'];
    const first = await prepared(folder, folder.file('s.txt', lines.join('\n')), { form: 'sequences' });
    expect(first.sequences).toEqual([
      { user: '1', items: ['3', '2', '3'] },
      { user: '2', items: ['1', '2'] },
      { user: '10', items: ['5'] },
    ]);
    const shuffled = await prepared(folder, folder.file('t.txt', `${lines.reverse().join('\n')}\n`), {
      form: 'sequences',
    });
    expect(shuffled.bytes).toBe(first.bytes);
    const twice = folder.file('twice.txt', '1 3 2 3\n2 1 2 4\n1 5\n');
    expect(await refusal(folder, twice, { form: 'sequences' })).toMatch(
      /twice\.txt:3: each user has one line, got "1" again \(first on line 1\)/,
    );
  });

  it('lists of items a row', async () => {
    const text = 'user\ttime\titems\nu\t2\tc d\nu\t1\tb,a\n';
    const { sequences } = await prepared(folder, folder.file('lists.tsv', text), {
      form: 'lists',
      item: 'items',
    });
    expect(sequences).toEqual([{ user: 'u', items: ['b', 'a', 'c', 'd'], ts: [1, 1, 2, 2] }]);
    // Without times the order is that of the rows, and in them that of the lists.
    const untimed = folder.file('untimed.csv', 'user,items\nu,d c\nv,"[9, 10, 1]"\nu,"[""b"", ""a""]"\n');
    expect((await prepared(folder, untimed, { form: 'lists', item: 'items' })).sequences).toEqual([
      { user: 'u', items: ['d', 'c', 'b', 'a'] },
      { user: 'v', items: ['9', '10', '1'] },
    ]);
    const tied = folder.file('tied.tsv', 'user\ttime\titems\nu\t1\td c\nu\t1\tb,a\n');
    expect((await prepared(folder, tied, { form: 'lists', item: 'items', ties: 'file' })).sequences).toEqual([
      { user: 'u', items: ['d', 'c', 'b', 'a'], ts: [1, 1, 1, 1] },
    ]);
  });

  it.each([
    ['["a", ""]', /items must list ids, none of them empty, got \["a", ""\]/],
    ['["a", null]', /items must list ids, none of them empty/],
    ['["a", ["b"]]', /items must list ids, texts or numbers/],
    ['[1, true]', /items must list ids, texts or numbers/],
    ['[1, 2', /items must be a list, JSON or with blanks or commas between, got \[1, 2/],
    ["['a', 'b']", /items must be a list, JSON or with blanks or commas between/],
    ['a 1.23E+11', /items must list ids, got "1.23E\+11": a spreadsheet has written it/],
    ['a NULL b', /items must list ids, got "NULL": programs write that for a value that is missing/],
    ['["a", "NaN"]', /items must list ids, got "NaN": programs write that/],
  ])('lists such as %s are damaged rows', async (list, says) => {
    const lines = ['user\titems', 'u\tc b a', `u\t${list}`];
    const file = folder.file('damaged.tsv', lines.join('\n'));
    const said = await refusal(folder, file, { form: 'lists', item: 'items' });
    expect(said).toMatch(/^InputError: damaged\.tsv:3: /);
    expect(said).toMatch(says);
    const { sequences } = await prepared(folder, file, { form: 'lists', item: 'items', damaged: 'skip' });
    expect(sequences).toEqual([{ user: 'u', items: ['c', 'b', 'a'] }]);
  });

  it.each(['sequences', 'sets'] as const)(
    'ids that a spreadsheet rounded make lines of %s damaged rows',
    async (form) => {
      const lines = ['u a b c', 'v a 1.23E+11 c 4E+12', '4.5e+10 a b c', 'w 1E5 2e-3 x'];
      const file = folder.file('rounded.txt', lines.join('\n'));
      const said = await refusal(folder, file, { form });
      expect(said).toMatch(
        /^InputError: rounded\.txt:2: a line must list ids, got "1\.23E\+11": a spreadsheet/,
      );
      expect(said).toContain('"4.5e+10"');
      const { sequences } = await prepared(folder, file, { form, damaged: 'skip' });
      expect(sequences.map(({ user }) => user)).toEqual(['u', 'w']);
    },
  );

  it.each(['sequences', 'sets'] as const)(
    'ids that stand for none make lines of %s damaged rows',
    async (form) => {
      const file = folder.file('none.txt', ['u a b c', 'v a NULL c', 'nan a b c', 'w NULLS a'].join('\n'));
      const said = await refusal(folder, file, { form });
      expect(said).toMatch(/^InputError: none\.txt:2: a line must list ids, got "NULL": programs write that/);
      expect(said).toContain('none.txt:3');
      const { sequences } = await prepared(folder, file, { form, damaged: 'skip' });
      expect(sequences.map(({ user }) => user)).toEqual(['u', 'w']);
    },
  );

  it('MIND’s behaviours: the history of the earliest impression, then clicks by time', async () => {
    const lines = [
      '2\tU1\t11/15/2019 9:00:00 AM\tN1 N2 N9\tN5-0 N6-1',
      '1\tU1\t11/14/2019 9:00:00 PM\tN1 N2\tN4-1 N5-0 N3-1',
      '3\tU2\t11/14/2019 9:00:00 AM\t\tN4-1',
    ];
    const file = folder.file('behaviors.tsv', lines.join('\n'));
    const { sequences, provenance } = await prepared(folder, file, { form: 'mind' });
    expect(sequences).toEqual([
      { user: 'U1', items: ['N1', 'N2', 'N3', 'N4', 'N6'] },
      { user: 'U2', items: ['N4'] },
    ]);
    expect(provenance.order).toMatchObject({ tied: 2, tiedUsers: 1 });
    const test = folder.file('test.tsv', '1\tU1\t11/14/2019 9:00:00 PM\tN1 N2\tN4 N5\n');
    expect(await refusal(folder, test, { form: 'mind' })).toMatch(
      /impressions must be ids with -1 or -0 behind them, got "N4 N5"/,
    );
    const none = folder.file(
      'none.tsv',
      '1\tU1\t11/14/2019 9:00:00 PM\tnan\tN4-1\n2\tU2\t11/14/2019 9:00:00 PM\tN1\tN4-1\n',
    );
    expect(await refusal(folder, none, { form: 'mind' })).toMatch(
      /none\.tsv:1: the history must list ids, got "nan": programs write that for a value that is missing/,
    );
  });
});
