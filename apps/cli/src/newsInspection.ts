import { formatShare } from '@ferry/report';
import type { NewsInspection } from '@ferry/studies';
import { columns, count, lengthSummary } from './text.ts';

/** Categories that are listed one by one. */
const listedCategories = 8;

const time = (seconds: number): string =>
  new Date(1000 * seconds).toISOString().slice(0, 16).replace('T', ' ');

/** What `ferry inspect` prints of news and impressions. */
export function formatNewsInspection({ name, directory, news, splits, warnings }: NewsInspection): string {
  const { having, described, unknown, categories } = news;
  const named = categories
    .slice(0, listedCategories)
    .map(({ name: own, news: size }) => `${own} ${count(size)}`);
  const more =
    categories.length > listedCategories ? ` and ${categories.length - listedCategories} more` : '';
  return [
    `${name}  ${directory}`,
    '',
    'News',
    columns([
      ['in news.tsv', count(described)],
      ['named by behaviours alone', `${count(unknown)}${unknown > 0 ? ' (--json lists them)' : ''}`],
      ['with a title', count(having.title)],
      ['with an abstract', count(having.abstract)],
      ['with entities', count(having.entities)],
      ['with a picture', count(having.picture)],
      ['categories', `${categories.length}${named.length > 0 ? `: ${named.join(', ')}${more}` : ''}`],
    ]),
    ...splits.flatMap((split) => [
      '',
      `Impressions: ${split.split}`,
      columns([
        ['impressions', `${count(split.impressions)} of ${count(split.users)} users`],
        ['time', `${time(split.times[0])} to ${time(split.times[1])}`],
        [
          'candidates',
          split.clicks === undefined
            ? `${count(split.candidates)}, without labels`
            : `${count(split.candidates)}, ${count(split.clicks)} clicked ` +
              `(${formatShare(split.clicks / split.candidates)})`,
        ],
        ...(split.decidable === undefined
          ? []
          : [['with a clicked and another', `${count(split.decidable)} impressions can be evaluated`]]),
        lengthSummary('candidates', split.candidateLengths),
        lengthSummary('history', split.historyLengths),
        ['without history', `${count(split.withoutHistory)} impressions`],
        ...(split.fresh
          ? [
              [
                'not in earlier splits',
                `${formatShare(split.fresh.users)} of the users, ${formatShare(split.fresh.candidates)} of the candidates`,
              ],
            ]
          : []),
      ]),
    ]),
    '',
    ...(warnings.length > 0 ? ['Warnings', ...warnings.map((warning) => `  ${warning}`)] : ['No warnings.']),
  ].join('\n');
}
