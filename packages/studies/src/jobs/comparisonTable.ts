import { tableToCsv, type Cell, type Column, type Table } from '@ferry/report';
import { replaceFile } from '@ferry/training';
import type { RunComparison } from './compare.ts';

const columns: readonly Column[] = ['run', 'domain', 'split', 'grouping', 'group', 'rows', 'metric', 'value']
  .concat('difference', 'low', 'high', 'p', 'holm', 'better', 'worse')
  .map((key) => ({ key, title: key }));

/**
 * A comparison in long form: a row for each run, group of rows and metric. The rows of all test rows have neither grouping nor
 * group; those of the tested metric also hold the difference to the first run, its 95 % interval over rows, the p-value of the
 * permutation test before and after Holm's correction, and how many rows are better and worse.
 */
export function comparisonTable(comparison: RunComparison): Table {
  const { runs, domain, rows: split, count, metric: tested, metrics, differences, groups } = comparison;
  const perMetric = (
    values: Readonly<Record<string, number>>,
    row: Readonly<Record<string, Cell>>,
  ): Record<string, Cell>[] =>
    Object.entries(values).map(([metric, value]) => ({ ...row, domain, split, metric, value }));
  const whole = runs.flatMap((run, i) =>
    perMetric(metrics[i]!, { run, rows: count }).map((row) => {
      const found = differences.find((one) => one.run === run);
      if (!found || row['metric'] !== tested) return row;
      const { difference, low, high, permutation: p, corrected: holm, wins: better, losses: worse } = found;
      return { ...row, difference, low, high, p, holm, better, worse };
    }),
  );
  const grouped = Object.entries(groups).flatMap(([grouping, all]) =>
    runs.flatMap((run, i) =>
      all[i]!.flatMap(({ label: group, rows, metrics: own = {} }) =>
        perMetric(own, { run, grouping, group, rows }),
      ),
    ),
  );
  return { columns, rows: [...whole, ...grouped] };
}

/**
 * Writes {@link comparisonTable} as a CSV file; a file that is there is replaced.
 *
 * @param path - The file.
 */
export async function writeComparison(path: string, comparison: RunComparison): Promise<void> {
  replaceFile(path, await tableToCsv(comparisonTable(comparison)));
}
