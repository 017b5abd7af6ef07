import {
  decidableRows,
  joinImpressions,
  selectImpressions,
  splitByTime,
  textMask,
  withOwnHistories,
  withoutOtherNews,
} from './mind/select.ts';
import type { Impressions, MindData } from './mind/types.ts';
import { momentOf, type NewsEvaluation } from './evaluation.ts';

/** Impressions by what they are for. */
export interface NewsParts {
  /** Trained on. */
  readonly train: Impressions;
  /** Chosen by; undefined where nothing is chosen. */
  readonly valid?: Impressions;
  /** Measured by. */
  readonly test: Impressions;
  /** How they were parted, in a few words. */
  readonly protocol: string;
}

/** Parts as the folders have them, or, of a folder that is not split, by time. */
function folderParts(splits: MindData['splits'], { test: share }: NewsEvaluation): NewsParts {
  const { train, dev, test, all } = splits;
  if (train && dev && test?.labels)
    return { train, valid: dev, test, protocol: 'folders train, dev and test' };
  if (train) {
    const [name, own] = dev ? ['dev', dev] : ['test', test];
    if (!own) throw new RangeError(`a folder dev or test is needed beside ${train.source}, got none`);
    return { train, test: own, protocol: `folders train and ${name}` };
  }
  if (!all)
    throw new RangeError(
      `a folder train is needed, got ${Object.keys(splits).join(', ')}: nothing to train on`,
    );
  if (!(share > 0))
    throw new RangeError(
      `evaluation.test must be above 0 for ${all.source}, which is not split, got ${share}`,
    );
  const parts = splitByTime(all, { train: 1 - share, test: share });
  return { ...parts, protocol: `the latest ${(100 * share).toFixed(0)} % test` };
}

const isoTime = (seconds: number): string => new Date(1000 * seconds).toISOString().slice(0, 16);

/** Parts of all labelled impressions in time. */
function spanParts(
  splits: MindData['splits'],
  { trainFrom, testFrom, testUntil }: NonNullable<NewsEvaluation['span']>,
): NewsParts {
  const labelled = Object.values(splits).filter(({ labels }) => labels);
  if (labelled.length === 0)
    throw new RangeError('evaluation.span needs impressions with labels (N123-1), got none');
  const log = joinImpressions(labelled);
  const [least, until] = [trainFrom, testUntil].map((at) => (at === undefined ? undefined : momentOf(at)));
  const between = (from: number, to: number, what: string): Impressions => {
    const rows = Int32Array.from(log.times.keys()).filter(
      (row) => log.times[row]! >= from && log.times[row]! < to,
    );
    if (rows.length > 0) return withOwnHistories(selectImpressions(log, rows));
    const [first, last] = log.times.reduce(([a, b], at) => [Math.min(a!, at), Math.max(b!, at)], [
      Infinity,
      -Infinity,
    ] as number[]);
    throw new RangeError(
      `evaluation.span leaves no impressions to ${what}: they were shown from ${isoTime(first!)} to ` +
        isoTime(last!),
    );
  };
  const begin = momentOf(testFrom);
  return {
    train: between(least ?? -Infinity, begin, 'train on'),
    test: between(begin, until ?? Infinity, 'test by'),
    protocol: `tested from ${isoTime(begin)}${until === undefined ? ' on' : ` to ${isoTime(until)}`}`,
  };
}

/** Impressions without news that have no text, and without impressions that are then decided. */
function withText(impressions: Impressions, { news }: MindData): Impressions {
  const left = withoutOtherNews(impressions, textMask(news));
  return selectImpressions(left, decidableRows(left));
}

/**
 * Parts the impressions of a data set as a recipe says. Shares are of the impressions that count.
 *
 * @throws RangeError where there is nothing to train on or to test by, and for impressions without labels.
 */
export function newsParts(data: MindData, evaluation: NewsEvaluation): NewsParts {
  const { validation, news, span } = evaluation;
  const only = news === 'with-text';
  const splits = only
    ? Object.fromEntries(Object.entries(data.splits).map(([name, own]) => [name, withText(own, data)]))
    : data.splits;
  const {
    protocol: parted,
    train,
    valid,
    test,
  } = span ? spanParts(splits, span) : folderParts(splits, evaluation);
  for (const { labels, source } of [train, valid ?? train, test])
    if (!labels)
      throw new RangeError(`${source} must say what was clicked (N123-1), got impressions without labels`);
  const protocol = `${parted}${only ? ', news with text alone' : ''}`;
  if (valid) return { train, valid, test, protocol };
  if (validation === 0) return { train, test, protocol };
  return { ...splitByTime(train, { train: 1 - validation, valid: validation }), test, protocol };
}
