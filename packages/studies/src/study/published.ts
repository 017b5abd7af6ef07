import { rowCount } from '@ferry/evaluation';
import { tableToMarkdown, tableToText, type Block } from '@ferry/report';
import { publishedFor, publishedNotes, publishedTable, readPublished, type Published } from '../published.ts';
import type { StudyResult } from './results.ts';

/** What others published on a target of a study. */
export interface TargetPublished {
  /** Name of the target. */
  readonly name: string;
  /** Their results. */
  readonly published: Published;
}

/**
 * What others published on the targets of a study, beside what its runs ranked there; targets of which nothing is known
 * are left out.
 */
export function publishedOf(results: readonly Pick<StudyResult, 'rows'>[]): TargetPublished[] {
  const all = readPublished();
  const names = [...new Set(results.map(({ rows }) => rows.domain))];
  return names.flatMap((name) => {
    // Runs of one target may have ranked it in several ways: what stands beside any of them is not left out.
    const found = results
      .filter(({ rows }) => rows.domain === name)
      .map(({ rows }) => publishedFor({ ...rows, rows: rowCount(rows) }, all));
    const shown = [...new Set(found.flatMap((one) => one.shown))];
    const leftOut = found[0]!.leftOut.filter(({ table }) => !shown.includes(table));
    return shown.length + leftOut.length > 0 ? [{ name, published: { shown, leftOut } }] : [];
  });
}

/** The same as text, or as Markdown. */
export function publishedText(
  targets: readonly TargetPublished[],
  { width, markdown = false }: { width?: number; markdown?: boolean } = {},
): string {
  return targets
    .map(({ name, published }) => {
      const table = publishedTable(published);
      const set = table && (markdown ? tableToMarkdown(table) : tableToText(table, { width })).trimEnd();
      return [`${name}, published`, ...(set ? [set] : []), publishedNotes(published).join('\n')]
        .filter((part) => part !== '')
        .join('\n\n');
    })
    .join('\n\n');
}

/** The same as parts of a report. */
export function publishedBlocks(targets: readonly TargetPublished[]): Block[] {
  return targets.flatMap(({ name, published }): Block[] => {
    const table = publishedTable(published);
    const notes = publishedNotes(published).join(' ');
    return table
      ? [
          {
            kind: 'table',
            table,
            caption: `${name}: published results of the same data and protocol. ${notes}`,
          },
        ]
      : [{ kind: 'text', text: `${name}: ${notes}` }];
  });
}
