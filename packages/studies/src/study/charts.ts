import { summarise } from '@ferry/evaluation';
import { barChart, lineChart } from '@ferry/report';
import type { InterestSizes } from '../details.ts';
import type { CellResult, StudyRow } from './results.ts';
import { lineName } from './table.ts';

/** Test Recall@10 or another metric of every target, starts and models side by side. */
export function startsChart(rows: readonly StudyRow[], metric: string, title: string): string {
  const groups = rows.filter(
    (row, i) => rows.findIndex((other) => other.target === row.target && other.ids === row.ids) === i,
  );
  const names = [...new Set(rows.map((row) => lineName(row, rows)))];
  return barChart({
    title: `Test ${title}`,
    description: `Test ${title} for each target, with and without item IDs, of each start and model; whiskers are one deviation over seeds.`,
    groups: groups.map(({ target, ids }) => `${target}, ${ids ? 'IDs' : 'no IDs'}`),
    y: { title },
    series: names.map((name) => ({
      name,
      values: groups.map(
        ({ target, ids }) =>
          rows.find((row) => row.target === target && row.ids === ids && lineName(row, rows) === name)?.test[
            metric
          ] ?? null,
      ),
    })),
  });
}

/** Test Recall@10 of a target by how often the wanted item occurs in training. */
export function popularityChart(target: string, ids: boolean, results: readonly CellResult[]): string {
  const own = results.filter((result) => result.target === target && result.ids === ids);
  const groups = own[0]?.details.popularity.filter((group) => group.metrics) ?? [];
  const names = [...new Set(own.map((result) => lineName(result, results)))];
  return barChart({
    title: `${target}, ${ids ? 'IDs' : 'no IDs'}: Recall@10 by popularity`,
    description: `Test Recall@10 of ${target} by the training interactions of the wanted item.`,
    groups: groups.map(({ label, rows }) => `${label} (${rows} rows)`),
    x: { title: 'training interactions of the wanted item' },
    y: { title: 'Recall@10' },
    decimals: 2,
    series: names.map((name) => ({
      name,
      values: groups.map(({ label }) => {
        const values = own
          .filter((result) => lineName(result, results) === name)
          .flatMap(
            ({ details }) => details.popularity.find((g) => g.label === label)?.metrics?.['recall@10'] ?? [],
          );
        return values.length > 0 ? summarise(values) : null;
      }),
    })),
  });
}

/** How many item tokens each interest holds, the largest first, by modality. */
export function interestChart(title: string, { sizes }: InterestSizes): string {
  return lineChart({
    title,
    description: 'Items of each interest by modality, the largest interest of each modality first.',
    x: { title: 'interest, the largest first' },
    y: { title: 'items', zero: true },
    series: Object.entries(sizes).map(([modality, counts]) => ({
      name: modality,
      points: [...counts]
        .sort((a, b) => b - a)
        .filter((count) => count > 0)
        .map((count, i) => [i + 1, count] as const),
    })),
  });
}
