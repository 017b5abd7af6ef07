import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readObject, type Domain } from '@ferry/data';
import { featureMatrices, picturePlaces, type FeatureMatrix, type PicturePlaces } from '@ferry/features';
import {
  formatShare,
  histogram,
  lineChart,
  renderReport,
  type Block,
  type Chart,
  type Exhibit,
  type Section,
  type Table,
} from '@ferry/report';
import type { Inspection } from '../inspect.ts';
import { duplicatesOf, languagesOf, monthsOf, overlapOf } from './facts.ts';
import { agreementOf, categoriesOf, nearest, spread } from './neighbours.ts';

/** What a page is made with. */
interface ReportOptions {
  out: string;
  command: string;
  inspection: Inspection;
}

const count = (number: number): string => number.toLocaleString('en-US');
/** Items whose neighbours are shown, and how many of them. */
const shown = { items: 8, neighbours: 6, edge: 96 };

/** A table of titles and rows. */
function tableOf(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): Table {
  return {
    columns: titles.map((title) => ({ key: title, title })),
    rows: rows.map((row) => Object.fromEntries(row.map((cell, at) => [titles[at]!, cell]))),
  };
}

/** A small picture of an item as a `data:` address. */
async function thumbnail(places: PicturePlaces, item: number): Promise<string | undefined> {
  const path = places.path(item);
  if (path === undefined) return undefined;
  const { default: sharp } = await import('sharp');
  const bytes = await sharp(path)
    .autoOrient()
    .resize(shown.edge, shown.edge, { fit: 'inside' })
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 70 })
    .toBuffer()
    .catch(() => undefined);
  return bytes && `data:image/jpeg;base64,${bytes.toString('base64')}`;
}

/** Counts, lengths and popularity. */
function sizes(domain: Domain, { statistics }: Inspection): Section {
  const { counts, density, sequenceLengths, popularity } = statistics;
  const { unordered = false } = domain;
  const lengths = Array.from(domain.sequences.starts, (start, user) => domain.sequences.ends[user]! - start);
  const { curve } = popularity;
  const step = Math.max(1, curve.length / 200);
  const places = [
    ...new Set(Array.from({ length: Math.min(200, curve.length) }, (_, at) => Math.floor(at * step))),
  ];
  return {
    title: 'Sizes',
    blocks: [
      {
        kind: 'facts',
        facts: [
          {
            name: 'interactions',
            value: count(counts.interactions),
            note: `density ${formatShare(density)}`,
          },
          {
            name: 'users',
            value: count(counts.users),
            note: `median ${count(sequenceLengths.median)} interactions`,
          },
          { name: 'items', value: count(counts.items), note: `Gini ${popularity.gini.toFixed(2)}` },
          {
            name: unordered ? 'test interactions' : 'test rows',
            value: count(counts.test),
            note:
              `training ${count(unordered ? counts.trainInteractions : counts.train)}, ` +
              `validation ${count(counts.valid)}`,
          },
        ],
      },
      {
        kind: 'charts',
        charts: [
          {
            svg: histogram({
              title: 'Lengths of sequences',
              description: 'Users by their number of interactions.',
              values: lengths,
              x: { title: 'interactions' },
              y: { title: 'users' },
            }),
            caption:
              `From ${count(sequenceLengths.min)} to ${count(sequenceLengths.max)} interactions; the middle half ` +
              `has ${count(sequenceLengths.quartile1)} to ${count(sequenceLengths.quartile3)}.`,
          },
          ...(curve.length > 1 && curve[0]! > 0
            ? [
                {
                  svg: lineChart({
                    title: 'Popularity',
                    description: 'Training interactions of the items, most popular first.',
                    x: { title: 'place' },
                    y: { title: 'training interactions', zero: true },
                    series: [
                      { name: 'items', points: places.map((place) => [place + 1, curve[place]!] as const) },
                    ],
                  }),
                  caption:
                    `The most popular tenth of the items has ${formatShare(popularity.headShare)} of the training ` +
                    'interactions.',
                },
              ]
            : []),
        ],
      },
    ],
  };
}

/** Interactions over time, duplicates. */
function history(domain: Domain): Section {
  const months = monthsOf(domain.sequences);
  const { repeated, titles, texts } = duplicatesOf(domain);
  const charts: Chart[] =
    months && months.length > 1
      ? [
          {
            svg: lineChart({
              title: 'Interactions over time',
              description: 'Interactions of each month.',
              x: { title: `months since ${months[0]!.month}` },
              y: { title: 'interactions', zero: true },
              series: [
                { name: 'interactions', points: months.map(({ count: own }, at) => [at, own] as const) },
              ],
            }),
            caption: `From ${months[0]!.month} to ${months.at(-1)!.month}.`,
          },
        ]
      : [];
  const blocks: Block[] = [
    ...(charts.length > 0
      ? [{ kind: 'charts', charts } as const]
      : [
          {
            kind: 'text',
            text: domain.sequences.times
              ? 'All times lie in one month, or are no dates.'
              : 'There are no times: the order of the files is the order.',
          } as const,
        ]),
    {
      kind: 'facts',
      facts: [
        {
          name: 'repeated interactions',
          value: count(repeated),
          note: 'of a user with an item that the user had before',
        },
        { name: 'items with another’s title', value: count(titles) },
        { name: 'items with another’s text', value: count(texts) },
      ],
    },
  ];
  return { title: 'Time and duplicates', blocks };
}

/** Texts, languages, coverage of modalities. */
function modalities(domain: Domain, { statistics, features }: Inspection): Section {
  const texts = domain.items.texts.filter((text) => text !== '');
  const { shares, judged } = languagesOf(texts);
  const words = texts.map((text) => text.split(/\s+/).length);
  const { counts, missing } = statistics;
  return {
    title: 'Texts and pictures',
    blocks: [
      {
        kind: 'facts',
        facts: [
          {
            name: 'items with a text',
            value: formatShare((counts.items - missing.text) / counts.items),
            note: `${count(counts.items - missing.text)} of ${count(counts.items)}`,
          },
          {
            name: 'items with a picture',
            value: formatShare((counts.items - missing.image) / counts.items),
            note: `${count(counts.items - missing.image)} of ${count(counts.items)}`,
          },
        ],
      },
      ...(words.length > 0
        ? [
            {
              kind: 'charts',
              charts: [
                {
                  svg: histogram({
                    title: 'Lengths of texts',
                    description: 'Items by the words of their texts.',
                    values: words,
                    x: { title: 'words' },
                    y: { title: 'items' },
                  }),
                  caption: 'Words are what stands between blanks.',
                },
              ],
            } as const,
          ]
        : []),
      ...(judged > 0
        ? [
            {
              kind: 'table',
              table: tableOf(
                ['language', 'texts', 'share'],
                shares.slice(0, 8).map(([name, own]) => [name, own, formatShare(own / judged)]),
              ),
              caption:
                `Languages by ISO 639-3, guessed from ${count(judged)} texts of at least 20 characters; und: ` +
                'undetermined. Short titles are often mistaken.',
            } as const,
          ]
        : []),
      ...(features.length > 0 ? [{ kind: 'text', text: features.join(' · ') } as const] : []),
    ],
  };
}

/** Nearest neighbours by one set of features. */
async function neighbourBlocks(
  domain: Domain,
  matrix: FeatureMatrix,
  categories: readonly Set<string>[] | undefined,
): Promise<Block[]> {
  const items = spread(matrix, shown.items);
  const places = await picturePlaces(domain);
  const exhibit = async (item: number, note?: string): Promise<Exhibit> => {
    const image = await thumbnail(places, item);
    const title = domain.items.titles[item]!;
    return {
      title: title === '' ? domain.items.ids[item]! : title.slice(0, 120),
      ...(note === undefined ? {} : { note }),
      ...(image === undefined ? {} : { image }),
    };
  };
  const rows: Exhibit[][] = [];
  for (const [at, near] of nearest(matrix, items, shown.neighbours).entries())
    rows.push([
      await exhibit(items[at]!),
      ...(await Promise.all(near.map(({ item, cosine }) => exhibit(item, `cosine ${cosine.toFixed(2)}`)))),
    ]);
  const agreement = categories && agreementOf(matrix, categories);
  const said = agreement
    ? ` Of the ten nearest of ${count(agreement.items)} items ${formatShare(agreement.near)} share a category with ` +
      `it, of any two items ${formatShare(agreement.chance)}.`
    : '';
  return [
    {
      kind: 'gallery',
      rows,
      caption:
        `By ${matrix.modality}: ${matrix.encoder}. The first of each row is the item, the others are nearest to ` +
        `it.${said}`,
    },
  ];
}

/** Where a domain comes from, if it was prepared here. */
async function origin({ directory }: Domain): Promise<Section[]> {
  const provenance = await readObject(join(directory, 'provenance.json'));
  // A file of that name may be anybody's.
  if (typeof provenance?.['command'] !== 'string' || !Array.isArray(provenance['steps'])) return [];
  const { command, steps, order } = provenance as {
    command: string;
    steps: { rule: string; after: { interactions: number; users: number; items: number } }[];
    order: { ties: string; tied: number };
  };
  return [
    {
      title: 'Where it comes from',
      blocks: [
        { kind: 'code', code: command },
        {
          kind: 'table',
          table: tableOf(
            ['rule', 'interactions', 'users', 'items'],
            steps.map(({ rule, after }) => [rule, after.interactions, after.users, after.items]),
          ),
          caption: `What each rule left. Order: ${order.ties}; this decides about ${count(order.tied)} interactions.`,
        },
      ],
    },
  ];
}

/** Writes the page; gives its path. */
export async function writeDomainReport(
  domain: Domain,
  others: readonly Domain[],
  { out, command, inspection }: ReportOptions,
): Promise<string> {
  const categories = await categoriesOf(domain);
  const neighbours: Block[] = [];
  for (const matrix of await featureMatrices(domain))
    neighbours.push(...(await neighbourBlocks(domain, matrix, categories)));
  const { warnings } = inspection.statistics;
  const page = await renderReport({
    title: domain.name,
    summary: `${domain.form ?? 'a domain'}, split ${domain.protocol ?? 'leave-one-out'}. Made by \`${command}\`.`,
    sections: [
      sizes(domain, inspection),
      history(domain),
      modalities(domain, inspection),
      ...(neighbours.length > 0 ? [{ title: 'Nearest neighbours', blocks: neighbours }] : []),
      ...(others.length > 0
        ? [
            {
              title: 'Shared with other domains',
              blocks: [
                {
                  kind: 'table',
                  table: tableOf(
                    ['domain', 'users of both', 'items of both', 'items with a similar title there'],
                    others
                      .map((other) => overlapOf(domain, other))
                      .map(({ name, users, items, titles }) => [name, users, items, titles]),
                  ),
                  caption:
                    'A title is similar if it has the same words, whatever their order, case and punctuation; ' +
                    'titles of one word do not count.',
                } as const,
              ],
            },
          ]
        : []),
      ...(await origin(domain)),
      ...(warnings.length > 0
        ? [{ title: 'Warnings', blocks: warnings.map((text): Block => ({ kind: 'text', text })) }]
        : []),
    ],
  });
  await writeFile(out, page);
  return out;
}
