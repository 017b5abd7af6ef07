import { metricTitle } from '@ferry/evaluation';
import { tableToLatex, tableToMarkdown, tableToText, type Table } from '@ferry/report';
import { pText, signed } from '../study/effects.ts';
import { publishedNotes, publishedTable } from '../published.ts';
import { countCells, countColumns, notComparable } from './evaluate.ts';
import type { RunComparison } from './compare.ts';

const testNames = {
  permutation: 'paired permutation test',
  t: 'paired t-test',
  wilcoxon: 'Wilcoxon signed-rank test',
  sign: 'sign test',
} as const;

const correctionNames = { holm: 'Holm', 'benjamini-hochberg': 'Benjamini-Hochberg' } as const;

const number = (key: string, title: string) => ({ key, title, kind: 'number' as const, decimals: 4 });

/** Metrics of each line, with their deviation over seeds. */
function metricsTable({ lines, metrics }: RunComparison): Table {
  const names = Object.keys(metrics[0]!).filter((name) => metrics.every((own) => own[name]));
  return {
    columns: [
      { key: 'run', title: 'run' },
      ...(lines.some(({ runs }) => runs.length > 1)
        ? [{ key: 'seeds', title: 'seeds', kind: 'number' as const }]
        : []),
      ...names.map((key) => ({ ...number(key, metricTitle(key)), best: 'max' as const })),
    ],
    rows: lines.map(({ name, seeds }, i) => ({
      run: name,
      ...(lines.some(({ runs }) => runs.length > 1) && { seeds: seeds.length }),
      ...Object.fromEntries(names.map((key) => [key, metrics[i]![key]!])),
    })),
  };
}

/** Differences with their tests: what varies from row to row, and what varies from seed to seed. */
function testsTable({ lines, metric, test, correction, differences }: RunComparison): Table {
  const pairs = differences.some(({ base }) => base !== lines[0]!.name);
  const seeds = differences.some((one) => one.seeds);
  return {
    columns: [
      { key: 'line', title: pairs ? 'compared' : `against ${lines[0]!.name}` },
      { key: 'difference', title: metricTitle(metric), kind: 'number' },
      { key: 'interval', title: '95 % interval over rows', kind: 'number' },
      ...(seeds ? [{ key: 'seeds', title: 'from seed to seed', kind: 'number' as const }] : []),
      { key: 'p', title: 'p', kind: 'number' },
      { key: 'corrected', title: `p (${correctionNames[correction]})`, kind: 'number' },
      { key: 'wins', title: 'rows better', kind: 'number' },
      { key: 'losses', title: 'rows worse', kind: 'number' },
    ],
    rows: differences.map(({ line, base, difference, low, high, wins, losses, ...one }) => ({
      line: pairs ? `${line} − ${base}` : line,
      difference: signed(difference),
      interval: `${signed(low)} to ${signed(high)}`,
      ...(seeds && { seeds: one.seeds ? `± ${one.seeds.deviation.toFixed(4)} (${one.seeds.count})` : '' }),
      p: pText(one[test]),
      corrected: pText(one.corrected),
      wins,
      losses,
    })),
  };
}

/** The tested metric, or recall where groups have that alone, of each group of rows. */
function groupTables({ lines, metric, groups }: RunComparison): { metric: string; table: Table }[] {
  return Object.entries(groups).map(([title, all]) => {
    const filled = all[0]!.filter((group) => group.metrics);
    const named = filled.every(({ metrics }) => metrics![metric] !== undefined);
    const shown = named ? metric : (Object.keys(filled[0]?.metrics ?? {})[0] ?? metric);
    return {
      metric: shown,
      table: {
        columns: [
          { key: 'label', title },
          ...countColumns(filled),
          ...lines.map(({ name }, i) => number(`line${i}`, name)),
        ],
        rows: filled.map(({ label, ...size }) => ({
          label,
          ...countCells(size),
          ...Object.fromEntries(
            all.map((own, i) => [
              `line${i}`,
              own.find((group) => group.label === label)?.metrics?.[shown] ?? null,
            ]),
          ),
        })),
      },
    };
  });
}

/** What is to be known of the tests. */
function note({ lines, test, correction, differences }: RunComparison): string {
  const name = testNames[test];
  const many = lines.some(({ runs }) => runs.length > 1);
  const seeds = many
    ? ' Each row’s value is the mean over the seeds that both lines have. The interval covers the choice of rows; ' +
      'how the difference varies from seed to seed stands beside it.'
    : ' The interval covers the choice of rows, not the seed of a run: compare several seeds, or a study.';
  return (
    `${name[0]!.toUpperCase()}${name.slice(1)}, row by row, corrected for ` +
    `${differences.length === 1 ? 'one comparison' : `${differences.length} comparisons`} ` +
    `(${correctionNames[correction]}).${seeds}`
  );
}

/**
 * A comparison set for the terminal, or as tables in Markdown or LaTeX.
 *
 * @param width - Columns of the terminal.
 */
export function formatComparison(
  comparison: RunComparison,
  { width, format = 'text' }: { width?: number; format?: 'text' | 'markdown' | 'latex' } = {},
): string {
  const { lines, domain, protocol, sampled, rows, count } = comparison;
  const set = (table: Table): string =>
    ({
      text: () => tableToText(table, { width }),
      markdown: () => tableToMarkdown(table),
      latex: () => tableToLatex(table),
    })
      [format]()
      .trimEnd();
  const say = (text: string): string => (format === 'latex' ? text.replace(/^/gm, '% ') : text);
  const split = protocol === undefined ? '' : `, split ${protocol}`;
  const among = sampled === undefined ? '' : `, ranked among ${sampled}: ${notComparable}`;
  const head = `${domain}, ${rows}: ${count.toLocaleString('en-US')} rows${split}${among}`;
  const names = lines.flatMap(({ name, runs }) => runs.map((run) => `  ${name}  ${run}`)).join('\n');
  const byGroup = groupTables(comparison);
  const published = publishedTable(comparison.published);
  const notes = publishedNotes(comparison.published);
  return [
    ...(format === 'text' ? [`${head}\n${names}`] : [say(head)]),
    set(metricsTable(comparison)),
    ...(published ? [set(published)] : []),
    ...(notes.length > 0 ? [say(notes.join('\n'))] : []),
    set(testsTable(comparison)),
    say(note(comparison)),
    ...byGroup.flatMap(({ metric, table }, i) => [
      ...(metric === byGroup[i - 1]?.metric ? [] : [say(`${metricTitle(metric)} by group`)]),
      set(table),
    ]),
  ].join('\n\n');
}
