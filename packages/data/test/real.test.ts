import { join } from 'node:path';
import { expect, describe, it } from 'vitest';
import { domainStatistics, readDomain, writeAtomicDomain, writeJsonlDomain } from '@ferry/data';
import { content, directoryWith, hasRealData, realData } from './helpers.ts';

/** [directory, users, items, interactions, training rows]: the counts their makers published. */
const published: [string, number, number, number, number][] = [
  ['amazon-scientific-clip', 2928, 1585, 19712, 10928],
  ['amazon-scientific-full', 8442, 4385, 59427, 34101],
  ['domains/scientific18', 8442, 4385, 59384, 34058],
  ['domains/office18', 3231, 3459, 22447, 12754],
  ['domains/cds18', 2991, 5841, 25958, 16985],
  ['domains/office14', 4905, 2420, 53258, 38543],
  ['domains/beauty14', 22363, 12101, 198502, 131413],
  ['domains/toys14', 19412, 11924, 167597, 109361],
  ['domains/ml100k', 943, 1682, 100000, 97171],
];

describe.skipIf(!hasRealData)('real data (skipped: no data in FERRY_DATA)', () => {
  it.each(published)('%s has its published counts', async (name, users, items, interactions, train) => {
    const domain = await readDomain(join(realData, name));
    expect(domainStatistics(domain).counts).toEqual({
      users,
      items,
      interactions,
      trainInteractions: interactions - 2 * users,
      train,
      valid: users,
      test: users,
    });
    expect(domain.warnings).toEqual([]);
    // Every user gives all but the first, the validation and the test item as a training target.
    expect(train).toBe(interactions - 3 * users);
    const counted = domain.trainCounts.reduce((total, count) => total + count, 0);
    expect(counted).toBe(interactions - 2 * users);
  });

  it('finds the published long tail of the Scientific subset', async () => {
    const { popularity } = domainStatistics(await readDomain(join(realData, 'amazon-scientific-clip')));
    expect(popularity.groups.map(({ items }) => items)).toEqual([5, 511, 680, 272, 117]);
    expect(popularity.groups.map(({ testInteractions }) => testInteractions)).toEqual([
      20, 801, 745, 592, 770,
    ]);
  });

  it('survives writing and reading in both forms', async () => {
    const domain = await readDomain(join(realData, 'amazon-scientific-full'), { name: 'x' });
    const root = await directoryWith({});
    await writeAtomicDomain(domain, join(root, 'atomic'));
    await writeJsonlDomain(domain, join(root, 'simple'));
    for (const form of ['atomic', 'simple']) {
      const back = await readDomain(join(root, form), { name: 'x' });
      expect(content(back)).toEqual(content(domain));
    }
  });
});
