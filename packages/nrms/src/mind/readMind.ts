import { IdTable, InputError } from '@ferry/data';
import { readBehaviours, type UnknownNews } from './behavioursFile.ts';
import { findMind, isDomainFolder } from './locate.ts';
import type { Quotes } from './newsFile.ts';
import { readNews } from './newsTable.ts';
import { repeatedWarnings } from './repeated.ts';
import type { Impressions, MindData, MindFiles, News } from './types.ts';

/** At most so many ids are named in a warning. */
const namedIds = 5;

/** Share in per cent. */
const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

/** What is to be said about news that no file of news has. */
function unknownWarning(
  { ids, count, described }: News,
  unknown: readonly UnknownNews[],
  splits: readonly Impressions[],
): string {
  const sum = (of: (at: number) => number): number => splits.reduce((total, _, at) => total + of(at), 0);
  const clicks = sum((at) => unknown[at]!.inHistories);
  const candidates = sum((at) => unknown[at]!.inCandidates);
  const examples = Array.from({ length: Math.min(namedIds, count - described) }, (_, at) =>
    ids.text(described + 1 + at),
  );
  const parts = [
    `${percent(
      clicks,
      sum((at) => splits[at]!.history.length),
    )} of the clicks in histories`,
    `${percent(
      candidates,
      sum((at) => splits[at]!.candidates.values.length),
    )} of the candidates`,
  ];
  return (
    `${count - described} of ${count} news are in no file of news (${parts.join(' and ')}), such as ` +
    `${examples.join(', ')}: ` +
    'they have no text and no category'
  );
}

/**
 * Reads a data set in MIND's form.
 *
 * @param from - A folder, as {@link findMind} knows them, or the files by name.
 * @param options - `texts`: as {@link MindFiles.texts}, for a folder; `quotes`: `csv` reads news as a reader of CSV does, a
 *   defect of published code, to be measured.
 * @throws InputError naming file and line of what breaks the form; also if the folder holds no behaviours.
 */
export async function readMind(
  from: string | MindFiles,
  { texts, quotes }: Pick<MindFiles, 'texts'> & { quotes?: Quotes } = {},
): Promise<MindData> {
  const files = typeof from === 'string' ? await findMind(from) : from;
  if (!files && isDomainFolder(from as string))
    throw new InputError(
      from as string,
      undefined,
      'models of news need impressions, what was shown beside what was clicked, and this domain has clicks alone: ' +
        'prepare a set whose card has impressions, or sample what could have been shown ' +
        '(ferry prepare --sampled-impressions 20)',
    );
  if (!files)
    throw new InputError(
      from as string,
      undefined,
      'a folder in MIND’s form has behaviors.tsv and news.tsv, or folders of its splits that have them, such as ' +
        'MINDsmall_train and MINDsmall_dev; there are none',
    );
  const { table, warnings } = await readNews(texts ? { ...files, texts } : files, { quotes });
  const described = table.ids.size - 1;
  const users = new IdTable();
  const splits: Record<string, Impressions> = {};
  const unknown: UnknownNews[] = [];
  for (const [split, file] of Object.entries(files.behaviours)) {
    const read = await readBehaviours(file, { news: table.ids, described, users });
    splits[split] = read.impressions;
    unknown.push(read.unknown);
  }
  const news = table.finish();
  if (news.count > described) warnings.push(unknownWarning(news, unknown, Object.values(splits)));
  for (const impressions of Object.values(splits))
    warnings.push(...repeatedWarnings(impressions, news.count));
  return { news, users, splits, warnings };
}
