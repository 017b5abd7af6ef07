import { describe, expect, it } from 'vitest';
import { domainStatistics, gini, readDomain } from '@ferry/data';
import { directoryWith, jsonl, toyJsonl } from './helpers.ts';

describe('gini', () => {
  it('is 0 for equal counts, (n-1)/n for one winner, and the mean-difference formula otherwise', () => {
    expect(gini([3, 3, 3])).toBeCloseTo(0, 12);
    expect(gini([0, 0, 0, 8])).toBeCloseTo(0.75, 12);
    expect(gini([0, 0])).toBe(0);
    // Half the relative mean absolute difference, by brute force.
    const counts = [5, 1, 9, 2, 2];
    const mean = 19 / 5;
    let differences = 0;
    for (const a of counts) for (const b of counts) differences += Math.abs(a - b);
    expect(gini(counts)).toBeCloseTo(differences / (2 * 25 * mean), 12);
  });
});

describe('domainStatistics', () => {
  it('counts a toy domain', async () => {
    const statistics = domainStatistics(await readDomain(await directoryWith(toyJsonl)));
    expect(statistics.counts).toEqual({
      items: 5,
      users: 3,
      interactions: 12,
      trainInteractions: 6,
      train: 3,
      valid: 3,
      test: 3,
    });
    expect(statistics.density).toBeCloseTo(11 / 15, 12);
    expect(statistics.sequenceLengths).toEqual({
      min: 3,
      quartile1: 3.5,
      median: 4,
      quartile3: 4.5,
      percentile95: 4.9,
      max: 5,
      mean: 4,
    });
    expect([...statistics.popularity.curve]).toEqual([2, 1, 1, 1, 1]);
    expect(statistics.popularity.headShare).toBeCloseTo(2 / 6, 12);
    expect(
      statistics.popularity.groups.map(({ items, testInteractions }) => [items, testInteractions]),
    ).toEqual([
      [0, 0],
      [5, 3],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(statistics.missing).toEqual({ text: 0, image: 4 });
    expect(statistics.warnings).toEqual([]);
  });

  it('warns about what is odd', async () => {
    const directory = await directoryWith({
      'items.jsonl': jsonl([
        { id: 1, title: 'Same' },
        { id: 2, title: 'Same' },
        { id: 3, title: '<span class="x"' },
        { id: 4, title: 'A &amp; B' },
        { id: 5 },
      ]),
      'sequences.jsonl': jsonl([
        { user: 'u', items: [1, 1, 2], ts: [1, 1, 2] },
        { user: 'v', items: [1, 2], ts: [1, 2] },
      ]),
    });
    const { warnings, missing, density } = domainStatistics(await readDomain(directory));
    // A pair that interacts twice is one pair: no more than all can.
    expect(density).toBeCloseTo(4 / 10, 12);
    expect(missing).toEqual({ text: 1, image: 5 });
    const expected = [
      /1 of 2 users have fewer than 3 interactions/,
      /2 items share their title with others; the most common is "Same" \(2 items\)/,
      /1 item has no title/,
      /1 title holds HTML tags/,
      /1 title holds HTML entities/,
      /4 items never occur in training/,
      /no training rows/,
      /1 interaction repeats the item just before/,
      /33\.3 % of neighbouring interactions have the same time/,
    ];
    expect(warnings).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(warnings[index]).toMatch(pattern);
  });
});
