import type { Domain } from './types.ts';

/** Smallest, quartiles, mean and largest of a list of lengths. */
export interface LengthSummary {
  /** Smallest. */
  min: number;
  /** First quartile (linear interpolation, as numpy's default). */
  quartile1: number;
  /** Median. */
  median: number;
  /** Third quartile. */
  quartile3: number;
  /** 95th percentile. */
  percentile95: number;
  /** Largest. */
  max: number;
  /** Arithmetic mean. */
  mean: number;
}

/** What `ferry inspect` tells about a domain. */
export interface DomainStatistics {
  /** Numbers of things. */
  counts: {
    /** N. */
    items: number;
    /** U. */
    users: number;
    /** Interactions of all users, the validation and test items included. */
    interactions: number;
    /** Training interactions, of which user-item models learn. */
    trainInteractions: number;
    /** Training rows, of which models of sequences learn: the training interactions that have a history. */
    train: number;
    /** Validation rows: interactions that are held out for validation. */
    valid: number;
    /** Test rows: interactions that are held out for the test. */
    test: number;
  };
  /** The share of pairs of a user and an item that interact, once or more often. */
  density: number;
  /** Lengths of the sequences. */
  sequenceLengths: LengthSummary;
  /** History lengths of the training rows. Undefined without training rows, and where sequences have no order. */
  historyLengths: LengthSummary | undefined;
  /** How training interactions spread over items. */
  popularity: {
    /** Training interactions of each item, largest first: the popularity curve. */
    curve: Int32Array;
    /** Gini coefficient of the curve: 0 all items alike, towards 1 one item has everything. */
    gini: number;
    /** Share of training interactions that go to the most popular tenth of the items (rounded up). */
    headShare: number;
    /** Items by number of training interactions, and test interactions with such items. */
    groups: {
      /** Smallest count of the group. */
      from: number;
      /** Largest count of the group, Infinity for the last. */
      to: number;
      /** Items in the group. */
      items: number;
      /** Test interactions with items of the group. */
      testInteractions: number;
    }[];
  };
  /** Items without a title, a text, a picture. */
  missing: {
    /** Items with neither title nor text. */
    text: number;
    /** Items for which the data names no picture. */
    image: number;
  };
  /** Things worth a look before training, one sentence each, the reader's own first. */
  warnings: string[];
}

/** Quantile of sorted numbers by linear interpolation. */
export function quantile(sorted: Float64Array, share: number): number {
  const position = (sorted.length - 1) * share;
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (position - low);
}

/** Summary of the lengths of lists that begin and end at these places. */
export function summariseLengths(starts: Int32Array, ends: Int32Array): LengthSummary {
  const lengths = new Float64Array(starts.length);
  let total = 0;
  for (let at = 0; at < lengths.length; at++) total += lengths[at] = ends[at]! - starts[at]!;
  lengths.sort();
  return {
    min: lengths[0]!,
    quartile1: quantile(lengths, 0.25),
    median: quantile(lengths, 0.5),
    quartile3: quantile(lengths, 0.75),
    percentile95: quantile(lengths, 0.95),
    max: lengths[lengths.length - 1]!,
    mean: total / lengths.length,
  };
}

/**
 * Gini coefficient of counts c_1 <= ... <= c_n: G = (2 sum_i i c_i) / (n sum_i c_i) - (n + 1) / n.
 *
 * @param counts - Non-negative counts in any order.
 * @returns 0 if all counts are equal, or none is positive.
 */
export function gini(counts: ArrayLike<number>): number {
  const sorted = Float64Array.from(counts).sort();
  const total = sorted.reduce((sum, count) => sum + count, 0);
  if (total === 0) return 0;
  const weighted = sorted.reduce((sum, count, index) => sum + (index + 1) * count, 0);
  return (2 * weighted) / (sorted.length * total) - (sorted.length + 1) / sorted.length;
}

/** Lower ends of the groups of items by their training interactions: none, 1 to 4, 5 to 9, 10 to 19, 20 and more. */
export const popularityEdges = [0, 1, 5, 10, 20] as const;

const groupEdges = popularityEdges.map((from, at): [number, number] => [
  from,
  (popularityEdges[at + 1] ?? Infinity) - 1,
]);

/** A number and what it counts. */
function counted(number: number, one: string, several: string): string {
  return `${number.toLocaleString('en-US')} ${number === 1 ? one : several}`;
}

function warn(domain: Domain): string[] {
  const { items, trainCounts, train, sequences } = domain;
  const warnings = [...domain.warnings];
  const titles = new Map<string, number>();
  for (const title of items.titles) if (title !== '') titles.set(title, (titles.get(title) ?? 0) + 1);
  const repeated = [...titles].filter(([, number]) => number > 1).sort((a, b) => b[1] - a[1]);
  const sharing = repeated.reduce((total, [, number]) => total + number, 0);
  if (repeated[0])
    warnings.push(
      `${sharing} items share their title with others; the most common is ` +
        `${JSON.stringify(repeated[0][0].slice(0, 60))} (${repeated[0][1]} items)`,
    );
  const untitled = items.titles.filter((title) => title === '').length;
  if (untitled > 0) warnings.push(`${counted(untitled, 'item has', 'items have')} no title`);
  const scraps = items.titles.filter((title) => /<[a-z!/]|\/>/i.test(title)).length;
  if (scraps > 0)
    warnings.push(`${counted(scraps, 'title holds', 'titles hold')} HTML tags or pieces of them`);
  const entities = items.titles.filter((title) => /&(?:[a-z]+|#\d+);/i.test(title)).length;
  if (entities > 0)
    warnings.push(`${counted(entities, 'title holds', 'titles hold')} HTML entities such as &amp;`);
  const cold = items.ids.filter((_, index) => trainCounts[index + 1] === 0).length;
  if (cold > 0) warnings.push(`${counted(cold, 'item never occurs', 'items never occur')} in training`);
  if (train.targets.length === 0)
    warnings.push('there are no training rows: no user has more than 3 interactions');
  let adjacent = 0;
  let ties = 0;
  let pairs = 0;
  for (let user = 0; user < sequences.starts.length; user++)
    for (let at = sequences.starts[user]! + 1; at < sequences.ends[user]!; at++) {
      pairs++;
      if (sequences.items[at] === sequences.items[at - 1]) adjacent++;
      if (sequences.times && sequences.times[at] === sequences.times[at - 1]) ties++;
    }
  if (adjacent > 0)
    warnings.push(`${counted(adjacent, 'interaction repeats', 'interactions repeat')} the item just before`);
  if (ties > 0)
    warnings.push(
      `${((100 * ties) / pairs).toFixed(1)} % of neighbouring interactions have the same time; their order is the file's`,
    );
  return warnings;
}

/**
 * Counts, lengths, popularity and warnings of a domain: what to look at before training on it.
 *
 * @param domain - The domain.
 */
export function domainStatistics(domain: Domain): DomainStatistics {
  const { items, users, sequences, train, valid, test, trainCounts } = domain;
  const itemCounts = trainCounts.subarray(1);
  const curve = Int32Array.from(itemCounts).sort().reverse();
  const total = curve.reduce((sum, count) => sum + count, 0);
  const head = curve.subarray(0, Math.ceil(curve.length / 10)).reduce((sum, count) => sum + count, 0);
  const interactions = sequences.starts.reduce((sum, start, user) => sum + sequences.ends[user]! - start, 0);
  const distinct = sequences.starts.reduce(
    (sum, start, user) => sum + new Set(sequences.items.subarray(start, sequences.ends[user])).size,
    0,
  );
  return {
    counts: {
      items: items.ids.length,
      users: users.length,
      interactions,
      trainInteractions: total,
      train: train.targets.length,
      valid: valid.targets.length,
      test: test.targets.length,
    },
    density: distinct / (users.length * items.ids.length),
    sequenceLengths: summariseLengths(sequences.starts, sequences.ends),
    historyLengths:
      train.targets.length > 0 && !domain.unordered ? summariseLengths(train.starts, train.ends) : undefined,
    popularity: {
      curve,
      gini: gini(curve),
      headShare: total === 0 ? 0 : head / total,
      groups: groupEdges.map(([from, to]) => ({
        from,
        to,
        items: itemCounts.reduce((sum, count) => sum + Number(count >= from && count <= to), 0),
        testInteractions: test.targets.reduce(
          (sum, target) => sum + Number(trainCounts[target]! >= from && trainCounts[target]! <= to),
          0,
        ),
      })),
    },
    missing: {
      text: items.ids.filter((_, index) => items.titles[index] === '' && items.texts[index] === '').length,
      image: items.images.filter((image) => image === undefined).length,
    },
    warnings: warn(domain),
  };
}
