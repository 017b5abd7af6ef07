import { describe, expect, it } from 'vitest';
import { newsEvaluation } from '../src/evaluation.ts';
import { newsParts, type Impressions, type MindData } from '../src/index.ts';
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
