import type { Domain } from '@ferry/data';
import { sampledWords } from '@ferry/evaluation';
import type { StudyRecipe } from '@ferry/recipes';
import { tableToMarkdown, tableToText, type Block } from '@ferry/report';
import { publishedFor, publishedNotes, publishedTable, readPublished, type Published } from '../published.ts';

/** What others published on a target of a study. */
export interface TargetPublished {
  /** Name of the target. */
  readonly name: string;
  /** Their results. */
  readonly published: Published;
}

/** What others published on the targets of a study; targets of which nothing is known are left out. */
export function publishedOf(
  domains: readonly { readonly role: string; readonly domain: Domain }[],
  { history, negatives }: StudyRecipe['evaluation'],
): TargetPublished[] {
  const all = readPublished();
  return domains
    .filter(({ role }) => role === 'target')
    .map(({ domain }) => ({
      name: domain.name,
      published: publishedFor(
        {
          items: domain.items.ids.length,
          rows: domain.test.targets.length,
          protocol: domain.protocol ?? 'leave-one-out',
          history,
          ...(negatives && { sampled: sampledWords(negatives) }),
        },
        all,
      ),
    }))
    .filter(({ published: { shown, leftOut } }) => shown.length + leftOut.length > 0);
}

/** The same as text, or as Markdown. */
export function publishedText(
  targets: readonly TargetPublished[],
  { width, markdown = false }: { width?: number | undefined; markdown?: boolean } = {},
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
