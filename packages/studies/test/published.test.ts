import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placesOf } from '@ferry/evaluation';
import { tableToText } from '@ferry/report';
import { afterAll, describe, expect, it } from 'vitest';
import { publishedFor, publishedNotes, publishedTable, readPublished } from '../src/published.ts';
import { publishedOf, publishedText } from '../src/study/published.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-published-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('published results', () => {
  it('of every card are in order: rows have sources, and metrics are shares', () => {
    const all = readPublished();
    expect(all.length).toBeGreaterThan(8);
    for (const { models, protocol } of all)
      for (const { metrics } of models) {
        expect(protocol.candidates).toBe('all');
        for (const value of Object.values(metrics)) expect(value > 0 && value < 1).toBe(true);
      }
  });

  it('stand beside ours where data and protocol are the same, the others are named with the reason', () => {
    const beauty = { items: 12101, rows: 22363, protocol: 'leave-one-out', history: 'mask' };
    const found = publishedFor(beauty);
    const text = tableToText(publishedTable(found)!);
    expect(text).toMatch(/S3Rec +d 64.* 0\.0647 +0\.0327/);
    expect(text).toMatch(/SASRec +binary cross-entropy/);
    expect(text).not.toContain('eSASRec');
    expect(publishedNotes(found).join('\n')).toMatch(
      /Left out: SASRec, eSASRec, HSTU .* \(on 22,311 test rows, ours on 22,363\)/,
    );
    const kept = publishedFor({ ...beauty, history: 'keep' });
    expect(publishedTable(kept)).toBeUndefined();
    expect(publishedNotes(kept).join('\n')).toMatch(
      /\(items of the history are no candidates, in ours they are\)/,
    );
    expect(publishedNotes(publishedFor({ ...beauty, history: 'mask-training' })).join('\n')).toMatch(
      /\(items of the history are no candidates, in ours those of validation are\)/,
    );
    const sampled = publishedFor({ ...beauty, sampled: '99 uniform negatives, seed 1' });
    expect(sampled.shown).toEqual([]);
    expect(publishedNotes(sampled).join('\n')).toMatch(
      /\(ranked among all items, ours among 99 uniform negatives, seed 1\)/,
    );
    const split = publishedFor({ ...beauty, protocol: 'random-by-user' });
    expect(split.shown).toEqual([]);
    expect(publishedNotes(split).join('\n')).toMatch(/\(split leave-one-out, ours random-by-user\)/);
    const drawn = publishedFor({ ...beauty, protocol: 'leave-one-out (validUsers 2048)' });
    expect(drawn.shown).toEqual([]);
    expect(publishedFor({ ...beauty, items: 7 })).toEqual({ shown: [], leftOut: [] });
  });

  it('are matched by the rows that a study ranked: users, where a row has several relevant items', () => {
    const rows = {
      ...placesOf(Array.from({ length: 2 * 943 }, (_, r) => 1 + (r % 7))),
      ...{ domain: 'ml100k', split: 'test', protocol: 'random-by-user', history: 'mask', items: 1682 },
      relevantEnds: Int32Array.from({ length: 943 }, (_, r) => 2 * (r + 1)),
      targetCounts: new Int32Array(2 * 943),
      modalityNames: [],
    };
    const found = publishedOf([{ rows }, { rows }]);
    expect(found.map(({ name }) => name)).toEqual(['ml100k']);
    expect(publishedText(found)).toMatch(/BPR +the lowest printed/);
    expect(publishedText(found)).toMatch(/Left out: GRU4Rec .* \(split leave-one-out, ours random-by-user\)/);
    expect(publishedOf([{ rows: { ...rows, items: 9 } }])).toEqual([]);
    const kept = { rows: { ...rows, history: 'keep' } };
    expect(publishedText(publishedOf([kept]))).not.toMatch(/the lowest printed/);
    expect(publishedOf([kept, { rows }])[0]!.published.shown).toEqual(found[0]!.published.shown);
    expect(publishedOf([{ rows }, kept])[0]!.published.shown).toEqual(found[0]!.published.shown);
  });

  it('that break their form are refused by file', () => {
    mkdirSync(join(folder, 'x'));
    writeFileSync(join(folder, 'x/published.yaml'), '- data: X\n  sauce: me\n');
    expect(() => readPublished(folder)).toThrow(/x.published\.yaml: /);
  });
});
