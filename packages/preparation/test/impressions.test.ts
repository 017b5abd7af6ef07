/** Impressions of raw files in the form of MIND, as models of news read them. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readMind, rowOf } from '@ferry/nrms';
import { DuckDBInstance } from '@duckdb/node-api';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { prepare, prepareCard, withFlags, type Flags } from '../src/index.ts';
import { Folder, made, prepared, refusal, type Made } from './helpers.ts';

const folder = new Folder();

/** Writes a Parquet file of an SQL select. */
async function parquet(name: string, sql: string): Promise<void> {
  const path = join(folder.path, name);
  mkdirSync(join(path, '..'), { recursive: true });
  const connection = await (await DuckDBInstance.create()).connect();
  await connection.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
}

const when = (minute: number): string => `TIMESTAMP '2023-05-18 10:0${minute}:00'`;

/** EB-NeRD's files as they come out of the archive. */
async function ebNerd(place: string): Promise<void> {
  const behaviours = (rows: string): string =>
    'SELECT impression_id::UINTEGER AS impression_id, user_id::UINTEGER AS user_id, impression_time, ' +
    'article_ids_inview::INTEGER[] AS article_ids_inview, article_ids_clicked::INTEGER[] AS article_ids_clicked ' +
    `FROM (VALUES ${rows}) AS t(impression_id, user_id, impression_time, article_ids_inview, article_ids_clicked)`;
  await parquet(
    `${place}/ebnerd_demo/train/behaviors.parquet`,
    behaviours(
      `(12, 7, ${when(3)}, [101, 102, 103], [102]), (11, 7, ${when(1)}, [103, 104], [103]), ` +
        // Two clicks, of which one was not shown; and a user without a history.
        `(13, 8, ${when(2)}, [101, 104], [104, 105]), (14, 9, ${when(4)}, [101, 102], [101])`,
    ),
  );
  await parquet(
    `${place}/ebnerd_demo/validation/behaviors.parquet`,
    behaviours(`(21, 7, ${when(5)}, [105, 101], [105]), (22, 8, ${when(6)}, [101, 102], [101])`),
  );
  const histories = (rows: string): string =>
    'SELECT user_id::UINTEGER AS user_id, article_id_fixed::INTEGER[] AS article_id_fixed ' +
    `FROM (VALUES ${rows}) AS t(user_id, article_id_fixed)`;
  const many = Array.from({ length: 120 }, (_, i) => (i < 119 ? 101 + (i % 5) : 104)).join(', ');
  await parquet(
    `${place}/ebnerd_demo/train/history.parquet`,
    histories(`(7, [105, 101]), (8, [${many}]), (77, [])`),
  );
  await parquet(
    `${place}/ebnerd_demo/validation/history.parquet`,
    histories(`(7, [105, 101, 103, 102]), (8, [104])`),
  );
  await parquet(
    `${place}/ebnerd_demo/articles.parquet`,
    `SELECT * FROM (VALUES (101, 'Den "første', 'Under\ttitel', 'sport'), (102, 'To', '', 'krimi'), ` +
      `(103, 'Tre', 'x', 'sport'), (104, 'Fire', 'y', 'nyheder'), (105, 'Fem', 'z', 'sport'), ` +
      "(106, 'Aldrig vist', 'w', 'sport')) AS t(article_id, title, subtitle, category_str)",
  );
}

async function fromCard(
  name: string,
  category: string | undefined,
  place: string,
  said: string[],
  flags: Flags = {},
): Promise<Made> {
  const { out, provenance } = await prepareCard(name, flags, {
    out: folder.out(),
    from: join(folder.path, place),
    ...(category === undefined ? {} : { category }),
    cache: folder.path,
    ...{ command: 'test', version: '0.0.0', threads: 1, memory: '500MB' },
    line: (text) => said.push(text),
  });
  return made(out, provenance);
}

describe('impressions of EB-NeRD', () => {
  it('are read by models of news as they were shown, behind the newest clicks of their histories', async () => {
    await ebNerd('eb');
    const said: string[] = [];
    const { out, provenance } = await fromCard('eb-nerd', 'demo', 'eb', said);
    const { news, users, splits, warnings } = await readMind(out);
    expect(warnings).toEqual([]);
    expect(Object.keys(splits)).toEqual(['train', 'dev']);
    const id = (number: number): string => news.ids.text(number);
    expect(Array.from({ length: news.count }, (_, i) => id(i + 1))).toEqual([
      '101',
      '102',
      '103',
      '104',
      '105',
      '106',
    ]);
    const first = news.ids.findText('101');
    expect([news.titles[first], news.abstracts[first]]).toEqual(['Den "første', 'Under titel']);
    expect(news.categoryNames[news.categories[first]!]).toBe('sport');
    const of = (part: 'train' | 'dev') => {
      const { count, ids, users: who, times, candidates, labels, ...own } = splits[part]!;
      return Array.from({ length: count }, (_, r) => ({
        id: ids[r],
        user: users.text(who[r]!),
        time: times[r],
        history: [...own.history.subarray(own.historyStarts[r], own.historyEnds[r])].map(id),
        shown: [...rowOf(candidates, r)].map(id),
        clicked: [...rowOf(candidates, r)]
          .filter((_, c) => labels![candidates.offsets[r]! + c] === 1)
          .map(id),
      }));
    };
    const at = (minute: number): number => Date.UTC(2023, 4, 18, 10, minute) / 1000;
    const train = of('train');
    // The newest hundred of 120 clicks.
    const long = train.find((row) => row.user === '8')!.history;
    expect([long.length, long[0], long.at(-1)]).toEqual([100, '101', '104']);
    expect(train).toEqual([
      { id: 11, user: '7', time: at(1), history: ['105', '101'], shown: ['103', '104'], clicked: ['103'] },
      {
        ...{ id: 13, user: '8', time: at(2), history: long },
        ...{ shown: ['101', '104', '105'], clicked: ['104', '105'] },
      },
      {
        id: 12,
        user: '7',
        time: at(3),
        history: ['105', '101'],
        shown: ['101', '102', '103'],
        clicked: ['102'],
      },
      { id: 14, user: '9', time: at(4), history: [], shown: ['101', '102'], clicked: ['101'] },
    ]);
    expect(of('dev').map(({ history, clicked }) => [history, clicked])).toEqual([
      [['105', '101', '103', '102'], ['105']],
      [['104'], ['101']],
    ]);
    expect(said.join('\n')).toMatch(
      /impressions of train: 4, of which 1 have clicks that were not shown: they stand behind what was\n.*impressions of dev: 2$/m,
    );
    expect(provenance.outputs.map(({ file }) => file)).toEqual(
      expect.arrayContaining(['impressions/news.tsv', 'impressions/train/behaviors.tsv']),
    );
    expect(provenance.inputs.some(({ file }) => file.endsWith('train/history.parquet'))).toBe(true);
    // The domain is what it was without them.
    expect(provenance.counts).toEqual({ interactions: 7, users: 3, items: 5 });
  });

  it.each([false, true])(
    'are left out, and that is said, where their files are missing; packed: %s',
    async (packed) => {
      const place = packed ? 'packed' : 'part';
      await ebNerd(place);
      const unpacked = join(folder.path, place, 'ebnerd_demo');
      rmSync(join(unpacked, 'validation/history.parquet'));
      if (packed) {
        const names = ['train/behaviors', 'train/history', 'validation/behaviors', 'articles'];
        const entries = names.map((name) => [
          `${name}.parquet`,
          readFileSync(join(unpacked, `${name}.parquet`)),
        ]);
        folder.file(
          `${place}/ebnerd_demo.zip`,
          zipSync(Object.fromEntries(entries) as Record<string, Uint8Array>),
        );
        rmSync(unpacked, { recursive: true });
      }
      const said: string[] = [];
      const { out } = await fromCard('eb-nerd', 'demo', place, said);
      expect(existsSync(join(out, 'impressions'))).toBe(false);
      expect(said[0]).toMatch(/no impressions .* lacks ebnerd_demo.zip\/validation\/history.parquet/);
      await expect(readMind(out)).rejects.toThrow(/this domain has clicks alone.*--sampled-impressions/);
    },
  );

  it('are never those of another part whose file has the same name', async () => {
    await ebNerd('half');
    rmSync(join(folder.path, 'half/ebnerd_demo/validation/behaviors.parquet'));
    await expect(fromCard('eb-nerd', 'demo', 'half', [])).rejects.toThrow(
      /lacks files of this data set.*\n {2}ebnerd_demo.zip\/validation\/behaviors.parquet/,
    );
  });

  it('must be whole: a user has one history, an impression a number', async () => {
    await ebNerd('twice');
    await parquet(
      'twice/ebnerd_demo/train/history.parquet',
      'SELECT 7 AS user_id, [101] AS article_id_fixed UNION ALL SELECT 7, [102]',
    );
    await expect(fromCard('eb-nerd', 'demo', 'twice', [])).rejects.toThrow(
      /history.parquet: a user must have one row of histories, got 2 for 1 users/,
    );
    await ebNerd('odd');
    await parquet(
      'odd/ebnerd_demo/validation/behaviors.parquet',
      `SELECT 'x' AS impression_id, 7 AS user_id, ${when(5)} AS impression_time, ` +
        '[105, 101] AS article_ids_inview, [105] AS article_ids_clicked',
    );
    await expect(fromCard('eb-nerd', 'demo', 'odd', [])).rejects.toThrow(
      /behaviors.parquet:1: an impression must have a whole number, got x/,
    );
  });
});

it('of a test say nothing of clicks, and have the number of their line where there is none', async () => {
  const log = folder.file('own/log.csv', ['user,item,time', 'a,1,5', 'a,2,6', 'a,3,7'].join('\n'));
  const items = folder.file('own/items.csv', 'id,title\n1,A\n2,B\n3,C');
  const train = folder.file('own/train.csv', 'u,t,shown,clicked\nb,2,1 2,2\na,1,"[3, 1]","[3]"');
  const test = folder.file('own/test.csv', 'u,t,shown\na,9,"2,3"');
  const impressions = {
    ...{ form: 'log', user: 'u', time: 't', shown: 'shown', clicked: 'clicked' },
    parts: { train: { file: train }, test: { file: test } },
  };
  const out = folder.out();
  await prepare(withFlags({ impressions, items: { file: items } }, {}, log), {
    ...{ out, command: 'test', version: '0.0.0', threads: 1 },
  });
  const { splits, news } = await readMind(out);
  const shown = (part: string, r: number): string[] =>
    [...rowOf(splits[part]!.candidates, r)].map((number) => news.ids.text(number));
  expect([...splits['train']!.ids, ...splits['test']!.ids]).toEqual([3, 2, 2]);
  expect([shown('train', 0), shown('train', 1), shown('test', 0)]).toEqual([
    ['3', '1'],
    ['1', '2'],
    ['2', '3'],
  ]);
  expect([...splits['train']!.labels!]).toEqual([1, 0, 0, 1]);
  expect(splits['test']!.labels).toBeUndefined();
});

describe('impressions of one’s own files', () => {
  const log = folder.file('odd/log.csv', ['user,item,time', 'a,1,5', 'a,2,6', 'a,3 x,7'].join('\n'));
  const items = folder.file('odd/items.csv', 'id,title\n1,A\n2,B\n3 x,C');
  const shown = (rows: string[], histories?: string[]): unknown => ({
    ...{ form: 'log', user: 'u', time: 't', shown: 'shown', clicked: 'clicked' },
    ...(histories ? { history: 'read' } : {}),
    parts: {
      train: {
        file: folder.file('odd/train.csv', ['u,t,shown,clicked', ...rows].join('\n')),
        ...(histories
          ? { histories: folder.file('odd/histories.csv', ['u,read', ...histories].join('\n')) }
          : {}),
      },
    },
  });
  const prepareOwn = async (impressions: unknown, flags: Flags = {}): Promise<Made> => {
    const out = folder.out();
    const provenance = await prepare(withFlags({ impressions, items: { file: items } }, flags, log), {
      ...{ out, command: 'test', version: '0.0.0', threads: 1 },
    });
    return made(out, provenance);
  };

  it('have ids of several words as one, here as in the news', async () => {
    const { out } = await prepareOwn(
      shown(['a b,1,"[""3 x"", ""1""]","[""3 x""]"'], ['a b,"[""1"", ""3 x""]"']),
    );
    const { news, users, splits, warnings } = await readMind(out);
    expect(warnings).toEqual([]);
    const { candidates, labels, users: who, history } = splits['train']!;
    const id = (number: number): string => news.ids.text(number);
    expect([[...rowOf(candidates, 0)].map(id), [...labels!]]).toEqual([
      ['3_x', '1'],
      [1, 0],
    ]);
    expect([users.text(who[0]!), [...history].map(id)]).toEqual(['a_b', ['1', '3_x']]);
  });

  it.each([
    [['a,1,"[1, 2","[1]"'], undefined, /train.csv:2: what was shown must be a list, JSON or .* got \[1, 2/],
    [['a,1,1 2,[1'], undefined, /train.csv:2: what was clicked must be a list/],
    [['a,1,"[1, null]",1'], undefined, /train.csv:2: what was shown must list ids, none of them empty/],
    [['a,1,,'], undefined, /train.csv:2: an impression must show an item, got none/],
    [['a,soon,1,1'], undefined, /train.csv:2: time must be a number or a date .*, got soon/],
    [['a,1,1 2,1'], ['a,1', 'b,[1'], /histories.csv:3: the history must be a list/],
    [['a,1,1 2,1'], [',1'], /histories.csv:2: user must not be empty/],
  ])('are never left out unsaid: %j, %j', async (rows, histories, message) => {
    await expect(prepareOwn(shown(rows, histories))).rejects.toThrow(message);
    const sound = ['b,2,1 2,2', ...rows];
    const { skipped } = await prepareOwn(shown(sound, histories), { damaged: 'skip' });
    expect(skipped).toHaveLength(1);
  });

  it('that cannot be made are refused before anything is read', async () => {
    const { history, ...without } = shown(['a,1,1,1'], ['a,1']) as { history: string };
    expect(history).toBe('read');
    await expect(
      prepare(withFlags({ impressions: without, items: { file: 'nowhere.csv' } }, {}, 'nowhere.csv'), {
        ...{ out: folder.out(), command: 'test', version: '0.0.0' },
      }),
    ).rejects.toThrow(/impressions.history must name the column/);
  });
});

describe('sampled impressions', () => {
  const events = (users: number, clicks: number): string =>
    Array.from({ length: users * clicks }, (_, i) => {
      const [user, k] = [i % users, Math.floor(i / users)];
      const item = `a${(user * 7 + k * 3 + Math.floor(k / 2)) % 30}`;
      return JSON.stringify({
        userId: `u${user}`,
        id: item,
        title: `T ${item}`,
        time: 1_483_225_200 + 600 * i,
      });
    }).join('\n');

  it('show a click of Adressa among what others took within the hours before, the same for one seed', async () => {
    const lines = events(12, 7).split('\n');
    for (let day = 0; day < 7; day++)
      folder.file(`adressa/one_week/2017010${day + 1}`, lines.slice(12 * day, 12 * (day + 1)).join('\n'));
    const said: string[] = [];
    const place = ['adressa', undefined, 'adressa'] as const;
    const { out, sequences } = await fromCard(...place, said, { sampledImpressions: 4 });
    expect(said.join('\n')).toMatch(
      /beside up to 4 items that others took within 24 hours before it, sampled \(seed 1\)/,
    );
    const { news, users, splits } = await readMind(out);
    const { count, candidates, labels, users: who, times, ...own } = splits['all']!;
    const id = (number: number): string => news.ids.text(number);
    const taken = new Map(sequences.map(({ user, items }) => [user, items]));
    expect(count).toBeGreaterThan(40);
    let full = 0;
    for (let r = 0; r < count; r++) {
      const shown = [...rowOf(candidates, r)].map(id);
      const history = [...own.history.subarray(own.historyStarts[r], own.historyEnds[r])].map(id);
      const clicked = shown.filter((_, c) => labels![candidates.offsets[r]! + c] === 1);
      const all = taken.get(users.text(who[r]!))!;
      expect(clicked).toHaveLength(1);
      // What the user took before, then the click, and nothing of the past among the others.
      expect(all.slice(0, history.length + 1)).toEqual([...history, clicked[0]]);
      expect(new Set(shown).size).toBe(shown.length);
      for (const item of shown) {
        expect(history).not.toContain(item);
        if (item === clicked[0]) continue;
        const before = sequences.some(({ items, ts }) =>
          items.some((other, k) => other === item && ts![k]! <= times[r]! && ts![k]! >= times[r]! - 86_400),
        );
        expect(before).toBe(true);
      }
      if (shown.length === 5) full++;
    }
    expect(full / count).toBeGreaterThan(0.7);
    const text = (place: string): string => readFileSync(join(place, 'impressions/behaviors.tsv'), 'utf8');
    const again = await fromCard(...place, [], { sampledImpressions: 4 });
    expect(text(again.out)).toBe(text(out));
    // Clicks stand in no place of their own.
    const places = new Set(
      Array.from({ length: count }, (_, r) =>
        labels!.subarray(candidates.offsets[r], candidates.offsets[r + 1]).indexOf(1),
      ),
    );
    expect(places.size).toBe(5);
  });

  it('have the newest hundred clicks, and nothing that was taken longer ago than the hours', async () => {
    const N = 130;
    const rows = Array.from({ length: 3 * N }, (_, at) => `u${at % 3},${at},${600 * at}`);
    const log = folder.file('long/log.csv', ['user,item,time', ...rows].join('\n'));
    const titles = Array.from({ length: 3 * N }, (_, at) => `${at},T`);
    const items = folder.file('long/items.csv', ['id,title', ...titles].join('\n'));
    const out = folder.out();
    const said: string[] = [];
    const impressions = { form: 'sampled', candidates: 3, hours: 1 };
    await prepare(withFlags({ impressions, items: { file: items } }, {}, log), {
      ...{ out, command: 'test', version: '0.0.0', threads: 1, line: (text: string) => said.push(text) },
    });
    const lines = readFileSync(join(out, 'impressions/behaviors.tsv'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(3 * N - 3);
    expect(said.join('\n')).toMatch(/impressions: 387, each .*; 3 interactions have none: a user's first/);
    const ages = new Set<number>();
    for (const line of lines) {
      const [, user, time, history, shown] = line.split('\t') as [string, string, string, string, string];
      const click = Number(time) / 600;
      const before = Array.from({ length: Math.floor(click / 3) }, (_, k) => 3 * k + (click % 3));
      expect([user, history]).toEqual([`u${click % 3}`, before.slice(-100).join(' ')]);
      for (const word of shown.split(' ')) ages.add(click - Number(word.split('-')[0]));
    }
    // Six of ten minutes each make the hour; the third and the sixth are the user's own.
    expect([...ages].sort((a, b) => a - b)).toEqual([0, 1, 2, 4, 5]);
  });

  it('need times and items, and are not for data that say what was shown', async () => {
    const rows = ['u,i', ...['a', 'b', 'c'].flatMap((u) => [1, 2, 3, 4].map((i) => `${u},${i}`))].join('\n');
    const log = folder.file('log.csv', rows);
    const items = folder.file('items.csv', 'id,title\n1,A\n2,B\n3,C\n4,D');
    const flags = { user: 'u', item: 'i', sampledImpressions: 2 };
    expect(await refusal(folder, log, { ...flags, items })).toMatch(/need the time of every interaction/);
    expect(await refusal(folder, log, flags)).toMatch(/impressions need the file of items/);
    await ebNerd('both');
    await expect(fromCard('eb-nerd', 'demo', 'both', [], { sampledImpressions: 2 })).rejects.toThrow(
      /--sampled-impressions is for data without what was shown/,
    );
    expect(() => withFlags({ impressions: { form: 'sampled', candidates: 0 } }, {}, log)).toThrow(
      /candidates/,
    );
    await prepared(folder, log, { user: 'u', item: 'i' });
  });
});
