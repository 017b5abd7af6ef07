// A made-up data set in MIND's form, of any size, written as it is drawn.
import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { random, writeLines } from './syntheticDomain.ts';

/** How large a data set is. */
export interface MindSize {
  /** News. */
  readonly news: number;
  /** Impressions. */
  readonly impressions: number;
  /** Users; each has a history that all its impressions share, as in MIND. */
  readonly users: number;
}

const word = (draw: () => number): string => `word${Math.floor(8000 * draw() ** 2)}`;
const words = (count: number, draw: () => number): string =>
  Array.from({ length: count }, () => word(draw)).join(' ');

/** Lines by their number. */
function* lines(count: number, line: (at: number) => string): Generator<string> {
  for (let at = 0; at < count; at++) yield line(at);
}

/**
 * Writes news.tsv and behaviors.tsv with the mean lengths of MIND-large: 33 clicks in a history, 37 candidates, 11
 * words in a title.
 */
export function writeSyntheticMind(directory: string, { news, impressions, users }: MindSize): void {
  mkdirSync(directory, { recursive: true });
  const draw = random(1);
  const one = (): string => `N${Math.floor(news * draw() ** 2)}`;
  const entity = (n: number): string =>
    `{"Label": "Thing ${n}", "Type": "P", "WikidataId": "Q${n}", "Confidence": 1.0, "OccurrenceOffsets": [0], ` +
    '"SurfaceForms": ["Thing"]}';
  const newsLines = lines(news, (n) => {
    const entities = (): string => `[${draw() < 0.7 ? entity(Math.floor(40_000 * draw())) : ''}]`;
    return [
      `N${n}`,
      `category${Math.floor(18 * draw())}`,
      `subcategory${Math.floor(280 * draw())}`,
      words(11, draw),
      draw() < 0.05 ? '' : words(35, draw),
      `https://example.org/${n}.html`,
      entities(),
      entities(),
    ].join('\t');
  });
  writeLines(join(directory, 'news.tsv'), newsLines);
  const histories = Array.from({ length: users }, () => {
    const length = Math.floor(-33 * Math.log(1 - draw()));
    return Array.from({ length }, one).join(' ');
  });
  const impressionsLines = lines(impressions, (n) => {
    const user = Math.floor(users * draw());
    const count = 2 + Math.floor(-35 * Math.log(1 - draw()));
    const clicked = Math.floor(count * draw());
    const shown = Array.from({ length: count }, (_, c) => `${one()}-${c === clicked ? 1 : 0}`).join(' ');
    const minute = String(Math.floor(60 * draw())).padStart(2, '0');
    const date = `11/${1 + Math.floor(28 * draw())}/2019`;
    const time = `${1 + Math.floor(12 * draw())}:${minute}:07 ${draw() < 0.5 ? 'AM' : 'PM'}`;
    return [n + 1, `U${user}`, `${date} ${time}`, histories[user], shown].join('\t');
  });
  writeLines(join(directory, 'behaviors.tsv'), impressionsLines);
}
