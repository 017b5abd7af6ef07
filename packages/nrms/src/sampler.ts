import type { RandomStream } from '@ferry/engine';
import type { Impressions } from './mind/types.ts';

/** Stands for a candidate that is not there: an impression had too few that were not clicked. */
export const MISSING = 0;

/** What a training goes over in an epoch. Shape letters: S samples, C candidates of each. */
export interface Samples {
  /** C */
  readonly columns: number;
  /** The impression of each sample, [S]. */
  readonly impressions: Int32Array;
  /** Numbers of news, 0 where there are too few; [S * C]. */
  readonly candidates: Int32Array;
  /** 1 where a candidate was clicked, [S * C]. */
  readonly labels: Uint8Array;
}

/** How clicks become samples. */
export interface ClickSampling {
  /** K: news of the same impression that were not clicked, drawn without replacement. */
  negatives: number;
  /** `clicks`: each click is a sample; `impressions`: one click of each impression, drawn anew in every epoch. */
  samples: 'clicks' | 'impressions';
}

/** Places of the candidates of an impression that were clicked, and of those that were not. */
function parted(
  { candidates: { offsets }, labels }: Impressions,
  impression: number,
): { clicked: number[]; others: number[] } {
  const parts: { clicked: number[]; others: number[] } = { clicked: [], others: [] };
  for (let at = offsets[impression]!; at < offsets[impression + 1]!; at++)
    (labels![at] === 1 ? parts.clicked : parts.others).push(at);
  return parts;
}

/** Moves `count` random entries to the front, fewer where there are not as many; returns how many there are. */
function drawToFront(values: number[], count: number, random: RandomStream): number {
  const drawn = Math.min(count, values.length);
  for (let i = 0; i < drawn; i++) {
    const j = i + random.integer(values.length - i);
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return drawn;
}

/** How many samples an epoch has, see {@link drawClicks}. */
export function countClicks(impressions: Impressions, { samples }: Pick<ClickSampling, 'samples'>): number {
  let count = 0;
  for (let r = 0; r < impressions.count; r++) {
    const { clicked, others } = parted(impressions, r);
    if (others.length > 0) count += samples === 'clicks' ? clicked.length : Math.min(1, clicked.length);
  }
  return count;
}

/**
 * The samples of an epoch in random order: a click, first, and K others of its impression (Wu et al. 2019, section
 * 2.3). Where an impression has fewer others, the rest are missing; one without any teaches nothing and gives no
 * sample.
 *
 * @param impressions - With labels.
 * @param random - Of this epoch alone.
 */
export function drawClicks(
  impressions: Impressions,
  { negatives, samples }: ClickSampling,
  random: RandomStream,
): Samples {
  const own: number[] = [];
  const clicks: number[] = [];
  for (let r = 0; r < impressions.count; r++) {
    const { clicked, others } = parted(impressions, r);
    if (others.length === 0 || clicked.length === 0) continue;
    const chosen = samples === 'clicks' ? clicked : [clicked[random.integer(clicked.length)]!];
    for (const at of chosen) {
      own.push(r);
      clicks.push(at);
    }
  }
  const order = random.shuffle(Int32Array.from(own.keys()));
  const columns = 1 + negatives;
  const found: Samples = {
    columns,
    impressions: Int32Array.from(order, (i) => own[i]!),
    candidates: new Int32Array(order.length * columns).fill(MISSING),
    labels: new Uint8Array(order.length * columns),
  };
  const { values } = impressions.candidates;
  order.forEach((i, s) => {
    const { others } = parted(impressions, own[i]!);
    const drawn = drawToFront(others, negatives, random);
    found.labels[s * columns] = 1;
    found.candidates[s * columns] = values[clicks[i]!]!;
    for (let k = 0; k < drawn; k++) found.candidates[s * columns + 1 + k] = values[others[k]!]!;
  });
  return found;
}

/** Every candidate of every impression as a sample of its own, in random order: nothing is drawn but the order. */
export function everyCandidate(impressions: Impressions, random: RandomStream): Samples {
  const { offsets, values } = impressions.candidates;
  const owner = new Int32Array(values.length);
  for (let r = 0; r < impressions.count; r++) owner.fill(r, offsets[r], offsets[r + 1]);
  const order = random.shuffle(Int32Array.from(owner.keys()));
  return {
    columns: 1,
    impressions: order.map((at) => owner[at]!),
    candidates: order.map((at) => values[at]!),
    labels: Uint8Array.from(order, (at) => impressions.labels![at]!),
  };
}
