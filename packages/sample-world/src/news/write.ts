import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { RandomStream } from '@ferry/engine';
import { madeOnce } from '../madeOnce.ts';
import { drawPicture } from '../picture.ts';
import { encodePng } from '../png.ts';
import { themes } from '../vocabulary.ts';
import type { Article } from './articles.ts';
import {
  jointVectors,
  makeNewsWorld,
  type NewsWorld,
  type NewsWorldOptions,
  type ReaderImpression,
} from './world.ts';

/** Changes whenever the generator makes something else from the same options, so that old caches are not used. */
const newsWorldVersion = 2;

/** MIND's form of a time. */
function timeText(seconds: number): string {
  const date = new Date(1000 * seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hour = date.getUTCHours();
  const clock = `${hour % 12 || 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} ${hour < 12 ? 'AM' : 'PM'}`;
  return `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()} ${clock}`;
}

/** MIND's entities: the theme, named by its first noun. */
function entities({ theme }: Article): string {
  const { nouns } = themes[theme]!;
  const named = { Label: nouns[0], Type: 'P', WikidataId: `Q${theme + 1}`, Confidence: 1 };
  return JSON.stringify([{ ...named, OccurrenceOffsets: [0], SurfaceForms: [nouns[0]] }]);
}

function newsLine(article: Article): string {
  const { id, category, subcategory, title, abstract } = article;
  const address = `https://news.example/${id}.html`;
  const cells = [id, category, subcategory, title, abstract, address, entities(article), '[]'];
  return `${cells.join('\t')}\n`;
}

function behaviourLine(
  impression: ReaderImpression,
  number: number,
  { articles, readers }: NewsWorld,
): string {
  const { reader, time, history, shown, clicked } = impression;
  const ids = (places: readonly number[]): string => places.map((at) => articles[at]!.id).join(' ');
  const candidates = shown.map((place, at) => `${articles[place]!.id}-${clicked[at]!}`).join(' ');
  return `${[number, readers[reader]!.id, timeText(time), ids(history), candidates].join('\t')}\n`;
}

/**
 * Writes a world of news in MIND's form: `news.tsv` and `images/` for all splits, and `train`, `dev` and `test`, each
 * with a `behaviors.tsv`; and `news.feat1CLS`, vectors of title and picture together in place of an encoder's.
 *
 * @param directory - Made if it does not exist.
 * @param options - `pictures: false` leaves out the pictures, which take most of the time.
 */
export async function writeNewsWorld(
  directory: string,
  world: NewsWorld,
  { pictures = true }: { pictures?: boolean } = {},
): Promise<void> {
  makeDirectory(directory);
  await writeFile(join(directory, 'news.tsv'), world.articles.map(newsLine).join(''));
  for (const [split, impressions] of Object.entries(world.splits)) {
    makeDirectory(join(directory, split));
    const lines = impressions.map((impression, at) => behaviourLine(impression, at + 1, world));
    await writeFile(join(directory, split, 'behaviors.tsv'), lines.join(''));
  }
  const { values } = jointVectors(world);
  await writeFile(join(directory, 'news.feat1CLS'), new Uint8Array(values.buffer));
  if (!pictures) return;
  makeDirectory(join(directory, 'images'));
  const random = RandomStream.fromSeed(0).split('news-pictures');
  for (const [number, article] of world.articles.entries())
    if (article.pictured)
      await writeFile(
        join(directory, 'images', `${article.id}.png`),
        encodePng(drawPicture(article, random.split('picture', number))),
      );
}

/**
 * The world of news on disk, with pictures, generated on first use.
 *
 * @param cache - Directory for generated data.
 * @param name - What it is called there; another name for other options.
 * @returns The directory, which {@link writeNewsWorld} has written.
 */
export async function newsWorldDirectory(
  cache: string,
  { name = 'default', ...options }: NewsWorldOptions & { name?: string } = {},
): Promise<string> {
  const directory = join(cache, 'news-world', `v${newsWorldVersion}-${name}-seed${options.seed ?? 1}`);
  await madeOnce(directory, (unfinished) => writeNewsWorld(unfinished, makeNewsWorld(options)));
  return directory;
}
