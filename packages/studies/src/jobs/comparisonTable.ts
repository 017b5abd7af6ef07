import { tableToCsv, type Cell, type Column, type Table } from '@ferry/report';
import { replaceFile } from '@ferry/training';
import type { RunComparison } from './compare.ts';

const columns: readonly Column[] = ['run', 'domain', 'split', 'grouping', 'group', 'rows']
  .concat('interactions', 'metric', 'value')
  .concat('deviation', 'seeds', 'against', 'difference', 'low', 'high', 'error', 'seedDeviation')
  .concat('p', 't', 'wilcoxon', 'sign', 'corrected', 'better', 'worse')
  .map((key) => ({ key, title: key }));

/**
 * A comparison in long form: a row for each line, group of rows and metric, and one for each comparison. Rows over all
 * test rows have neither grouping nor group; a group of relevant items, of which rows have several, tells `interactions`
 * as well, which its `value` is a mean over. `value` is the mean over the line's seeds, `deviation` over them. A row
 * with `against` is a difference of the tested metric: its 95 % interval and standard error over rows, its deviation
 * over seeds, the p-values of the permutation test, of the t-test, of Wilcoxon's and of the sign test, the chosen one
 * corrected, and how many rows are better and worse.
 */
export function comparisonTable(comparison: RunComparison): Table {
  const { lines, domain, rows: split, count, metric: tested, metrics, differences, groups } = comparison;
  type Row = Record<string, Cell | undefined>;
  const whole = lines.flatMap(({ name: run }, i) =>
    Object.entries(metrics[i]!).map(([metric, { mean, deviation, count: seeds }]): Row => ({
      ...{ run, domain, split, rows: count, metric, value: mean, seeds },
      ...(seeds > 1 && { deviation }),
    })),
  );
  const compared = differences.map(
    ({ line: run, base: against, permutation: p, wins: better, losses: worse, seeds, ...one }): Row => ({
      ...{ run, domain, split, rows: count, metric: tested, against, p, better, worse },
      ...{ difference: one.difference, low: one.low, high: one.high, error: one.error },
      ...{ t: one.t, wilcoxon: one.wilcoxon, sign: one.sign, corrected: one.corrected },
      ...(seeds && { seeds: seeds.count, seedDeviation: seeds.deviation }),
    }),
  );
  const published = comparison.published.shown.flatMap(({ models }) =>
    models.flatMap(({ model, metrics: own }) =>
      Object.entries(own).map(([metric, value]): Row => ({
        run: `${model} (published)`,
        domain,
        split,
        rows: count,
        metric,
        value,
      })),
    ),
  );
  const grouped = Object.entries(groups).flatMap(([grouping, all]) =>
    lines.flatMap(({ name: run }, i) =>
      all[i]!.flatMap(({ label: group, rows, interactions, metrics: own = {} }) =>
        Object.entries(own).map(([metric, value]): Row => ({
          ...{ run, domain, split, grouping, group, rows, interactions, metric, value },
        })),
      ),
    ),
  );
  return { columns, rows: [...whole, ...published, ...compared, ...grouped] };
}

/**
 * Writes {@link comparisonTable} as a CSV file; a file that is there is replaced.
 *
 * @param path - The file.
 */
export async function writeComparison(path: string, comparison: RunComparison): Promise<void> {
  replaceFile(path, await comparisonCsv(comparison));
}

/** {@link comparisonTable} as CSV. */
export async function comparisonCsv(comparison: RunComparison): Promise<string> {
  return tableToCsv(comparisonTable(comparison));
}
