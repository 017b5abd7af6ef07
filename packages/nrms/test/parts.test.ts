import { describe, expect, it } from 'vitest';
import { newsEvaluation } from '../src/evaluation.ts';
import { historyOf, newsParts, rowOf, type Impressions, type MindData } from '../src/index.ts';
import { impressionsOf, news } from './world.ts';

const all = impressionsOf(100, { seed: 1 });
const users = { size: 100, text: String, findText: Number };
const data = (splits: Record<string, Impressions>): MindData => ({ news, users, splits, warnings: [] });
const settings = (given: object) => newsEvaluation.parse(given);
const sizes = ({ train, valid, test }: ReturnType<typeof newsParts>): (number | undefined)[] => [
  train.count,
  valid?.count,
  test.count,
];

describe('the parts of a data set', () => {
  it('are its folders, the latest of training for validation', () => {
    const parts = newsParts(data({ train: all, dev: impressionsOf(20, { seed: 2 }) }), settings({}));
    expect(sizes(parts)).toEqual([90, 10, 20]);
    expect(Math.max(...parts.train.times)).toBeLessThan(Math.min(...parts.valid!.times));
    expect(parts.protocol).toBe('folders train and dev');
    expect(sizes(newsParts(data({ train: all, test: all }), settings({ validation: 0 })))).toEqual([
      100,
      undefined,
      100,
    ]);
  });

  it('are three folders where the test has labels, and else two', () => {
    const three = { train: all, dev: impressionsOf(20, { seed: 2 }), test: impressionsOf(30, { seed: 3 }) };
    expect(sizes(newsParts(data(three), settings({})))).toEqual([100, 20, 30]);
    const unlabelled = { ...three.test, labels: undefined } as unknown as Impressions;
    expect(sizes(newsParts(data({ ...three, test: unlabelled }), settings({})))).toEqual([90, 10, 20]);
  });

  it('are shares in time of a folder that is not split', () => {
    const parts = newsParts(data({ all }), settings({ test: 0.2, validation: 0.25 }));
    expect(sizes(parts)).toEqual([60, 20, 20]);
    expect(Math.max(...parts.valid!.times)).toBeLessThan(Math.min(...parts.test.times));
  });

  it('may be of news with text alone', () => {
    const parts = newsParts(data({ all }), settings({ news: 'with-text', validation: 0 }));
    for (const { candidates, history } of [parts.train, parts.test])
      for (const number of [...candidates.values, ...history]) expect(news.titles[number]).not.toBe('');
    expect(parts.train.count + parts.test.count).toBeLessThan(100);
  });

  describe('in time', () => {
    const dev = { ...impressionsOf(40, { seed: 2 }) };
    const later: Impressions = { ...dev, times: dev.times.map((time) => time + 86_400) };
    const both = data({ train: all, dev: later });
    const day = (of: Impressions): string =>
      new Date(1000 * Math.min(...of.times)).toISOString().slice(0, 10);
    const testFrom = day(later);
    /** What an impression shows, to whom, and what they had clicked. */
    const told = (of: Impressions, row: number): unknown => [
      ...[of.users[row], of.times[row], [...historyOf(of, row)]],
      ...[[...rowOf(of.candidates, row)]],
      [...of.labels!.subarray(of.candidates.offsets[row], of.candidates.offsets[row + 1])],
    ];
    const allOf = (of: Impressions): string[] =>
      Array.from({ length: of.count }, (_, row) => JSON.stringify(told(of, row))).sort();

    it('are the impressions of all folders as they were', () => {
      const { train, test, valid, protocol } = newsParts(
        both,
        settings({ validation: 0, span: { testFrom } }),
      );
      expect(valid).toBeUndefined();
      expect([...allOf(train), ...allOf(test)].sort()).toEqual([...allOf(all), ...allOf(later)].sort());
      expect(Math.max(...train.times)).toBeLessThan(Math.min(...test.times));
      expect(Math.min(...test.times)).toBeGreaterThanOrEqual(Date.parse(testFrom) / 1000);
      expect(protocol).toBe(`tested from ${testFrom}T00:00 on`);
    });

    it('have the histories of their own users alone', () => {
      const { train } = newsParts(both, settings({ validation: 0, span: { testFrom } }));
      const read = new Set(
        Array.from({ length: train.count }, (_, row) => [...historyOf(train, row)]).flat(),
      );
      expect(new Set(train.history)).toEqual(read);
      expect(train.history.length).toBeLessThan(all.history.length + later.history.length);
    });

    it('begin and end where they are told to', () => {
      const { times } = all;
      const [first, middle] = [Math.min(...times), Math.max(...times)].map((at, i) => at + (i ? -600 : 600));
      const given = { trainFrom: first, testFrom: middle, testUntil: middle! + 300 };
      const { train, test } = newsParts(data({ all }), settings({ validation: 0, span: given }));
      const within = (from: number, to: number): number => times.filter((at) => at >= from && at < to).length;
      expect([train.count, test.count]).toEqual([within(first!, middle!), within(middle!, middle! + 300)]);
      expect(train.count).toBeLessThan(times.filter((at) => at < middle!).length);
    });

    it.each([
      [{ testFrom: '2031-01-01' }, /leaves no impressions to test by: they were shown from .*T.* to /],
      [{ testFrom: '1960-01-01' }, /leaves no impressions to train on/],
    ])('are refused where there are none: %j', (given, message) => {
      expect(() => newsParts(both, settings({ span: given }))).toThrow(message);
    });

    it.each([
      [{ testFrom: 'tomorrow' }, /must be a day such as 2019-11-14/],
      [{ testFrom: '2019-13-14' }, /must be a day such as 2019-11-14/],
      [{ testFrom: '2019-11-14', testUntil: '2019-11-14' }, /moments in their order/],
      [{ testFrom: '2019-11-14', trainFrom: '2019-11-14T00:01' }, /moments in their order/],
    ])('must be moments in order: %j', (given, message) => {
      expect(() => settings({ span: given })).toThrow(message);
    });
  });

  it.each([
    [{ dev: all }, {}, /a folder train is needed, got dev/],
    [{ train: all }, {}, /a folder dev or test is needed beside a world of topics/],
    [{ all }, { test: 0 }, /evaluation.test must be above 0/],
    [
      { train: all, test: { ...all, labels: undefined } as unknown as Impressions },
      {},
      /must say what was clicked/,
    ],
  ])('are refused where there is nothing to train or test by: %#', (splits, given, message) => {
    expect(() => newsParts(data(splits as Record<string, Impressions>), settings(given))).toThrow(message);
  });
});
