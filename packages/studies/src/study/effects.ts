import { metricTitle } from '@ferry/evaluation';
import type { Block, Table } from '@ferry/report';
import { choicesOf, lineName, settingName, settingsOf, cellOf, type Axis } from './axes.ts';
import { comparisonsOf, level, testFamily, type TestedComparison } from './comparisons.ts';
import type { PlannedComparison } from './plan.ts';
import { coldBelow, type Measure, type StudyResult } from './results.ts';

/** A difference with its sign. */
export const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;

/** A p-value as papers print it. */
export function pText(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

/** A family of tested comparisons as a table. */
export function effectTable(
  axes: readonly Axis[],
  family: readonly TestedComparison[],
  metric: string,
): Table {
  return {
    columns: [
      ...settingsOf(axes).map(({ key, title }) => ({ key, title })),
      { key: 'what', title: 'compared' },
      { key: 'rows', title: 'test rows', kind: 'number' },
      { key: 'difference', title: metricTitle(metric), kind: 'number' },
      { key: 'interval', title: '95 % interval over rows' },
      { key: 'seeds', title: 'from seed to seed' },
      { key: 'p', title: 'p', kind: 'number' },
      { key: 'corrected', title: 'p (Holm)', kind: 'number' },
      { key: 'wins', title: 'rows better', kind: 'number' },
      { key: 'losses', title: 'rows worse', kind: 'number' },
    ],
    rows: family.map((one) => ({
      ...Object.fromEntries(settingsOf(axes).map((axis) => [axis.key, cellOf(axis, one.place)])),
      what: `${lineName(axes, one.place)} − ${lineName(axes, one.base)}`,
      rows: one.rows,
      difference: signed(one.difference),
      interval: `${signed(one.low)} to ${signed(one.high)}`,
      seeds: one.seeds.count > 1 ? `± ${one.seeds.deviation.toFixed(4)} (${one.seeds.count})` : 'one seed',
      p: pText(one.permutation),
      corrected: pText(one.corrected),
      wins: one.wins,
      losses: one.losses,
    })),
  };
}

/** Differences beyond chance that are told one by one; of more, how many there are and the largest. */
const told = 3;

/**
 * What a family of tests says, in a sentence for each difference that is beyond chance, losses as well as gains; of
 * many, their numbers and the largest.
 */
export function effectWords(
  axes: readonly Axis[],
  family: readonly TestedComparison[],
  metric: string,
  where = '',
): string {
  const found = family.filter(({ corrected }) => corrected < level);
  const size = ({ difference }: TestedComparison): number => Math.abs(difference);
  const shown = found.length > told ? found.toSorted((a, b) => size(b) - size(a)).slice(0, 1) : found;
  const sentences = shown.map(({ place, base, difference, corrected }) => {
    const [line, other] = [lineName(axes, place), lineName(axes, base)];
    const p = corrected < 0.001 ? 'p < 0.001' : `p = ${pText(corrected)}`;
    return (
      `${settingName(axes, place)}: ${line} is **${difference > 0 ? 'better' : 'worse'}** than ${other} by ` +
      `${Math.abs(difference).toFixed(4)} ${metricTitle(metric)}${where} (${p}).`
    );
  });
  const rest = family.length - found.length;
  if (found.length === 0)
    return `No difference in ${metricTitle(metric)}${where} is beyond chance at the level of ${100 * level} %.`;
  if (found.length > told) {
    const better = found.filter(({ difference }) => difference > 0).length;
    return (
      `Of ${family.length} differences in ${metricTitle(metric)}${where}, ${better} are **better** and ` +
      `${found.length - better} **worse** beyond chance. The largest: ${sentences[0]!}`
    );
  }
  if (rest === 0) return sentences.join(' ');
  return (
    `${sentences.join(' ')} ${rest === 1 ? 'The other difference is' : `The other ${rest} differences are`} within ` +
    'chance.'
  );
}

/** A title that may be a question, with what it is restricted to. */
const heading = (title: string, where: string): string =>
  title.endsWith('?') ? `${title.slice(0, -1)}${where}?` : `${title}${where}.`;

/** Words and tables of everything that a study compares, each family of tests by itself. */
export function effectBlocks(
  axes: readonly Axis[],
  comparisons: readonly PlannedComparison[],
  results: readonly StudyResult[],
  measure: Measure,
  command: string,
): Block[] {
  const how =
    'Row by row, each row’s value averaged over seeds: mean difference, p-value of the paired permutation test, ' +
    'and the same corrected by Holm for the tests of this table. The bootstrap interval covers the choice of ' +
    'test rows (other users), not the choice of seeds; how far the difference varies from seed to seed (one ' +
    'deviation, number of seeds) stands beside it.';
  return comparisons.flatMap((comparison) =>
    (comparison.rows ?? ['all', 'cold']).flatMap((which): Block[] => {
      const family = testFamily(comparisonsOf(axes, results, comparison, measure, which));
      if (family.length === 0 || choicesOf(axes).length === 0) return [];
      const rows = {
        all: '',
        warm: ` on items with ${coldBelow} training interactions or more`,
        cold: ` on items with fewer than ${coldBelow} training interactions`,
      }[which];
      const where = which === 'all' ? '' : ` on ${which} items`;
      return [
        {
          kind: 'text',
          text: `**${heading(comparison.title, where)}** ${effectWords(axes, family, measure.metric, where)}`,
        },
        {
          kind: 'table',
          table: effectTable(axes, family, measure.metric),
          caption: `${heading(comparison.title, rows)} ${how}`,
          command,
        },
      ];
    }),
  );
}
