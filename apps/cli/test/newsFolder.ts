import { mkdirSync, writeFileSync } from 'node:fs';

const topics = ['sport', 'money', 'music', 'weather'];
/** News there are. */
export const N = 60;
/** Id of a news, from 0. */
export const id = (number: number): string => `N${number + 1}`;

/** News of four topics in MIND's form, the last without a line of its own. */
function newsFile(): string {
  return Array.from({ length: N - 1 }, (_, n) => {
    const topic = topics[n % 4]!;
    const title = [0, 1, 2].map((i) => `${topic}${(n * 7 + i * 3) % 5}`).join(' ');
    return `${[id(n), topic, `${topic}sub`, `"${title}`, '', '', '[]', '[]'].join('\t')}\n`;
  }).join('');
}

/** Impressions of users with a topic each: one news of it, which they click, and three others. */
export function behaviours(count: number, seed: number): string {
  const pad = (value: number): string => String(value).padStart(2, '0');
  return Array.from({ length: count }, (_, r) => {
    const taste = (r * 3 + seed) % 4;
    const of = (topic: number, k: number): string => id(((r * 5 + k * 7 + seed) % (N / 4)) * 4 + topic);
    const history = r % 6 === 5 ? '' : [1, 2, 3].map((k) => of(taste, k)).join(' ');
    const shown = [0, 1, 2, 3].map((k) => `${of((taste + k) % 4, 10 + k)}-${k === 0 ? 1 : 0}`);
    const place = r % 4;
    const order = [...shown.slice(place), ...shown.slice(0, place)].join(' ');
    const time = `11/${10 + seed}/2019 ${1 + Math.floor(r / 60)}:${pad(r % 60)}:00 AM`;
    return `${[r + 1, `U${r % 40}`, time, history, order].join('\t')}\n`;
  }).join('');
}

/** Writes a folder in MIND's form with train and dev. */
export function writeNewsFolder(place: string): void {
  for (const [name, count, seed] of [
    ['train', 160, 1],
    ['dev', 60, 2],
  ] as const) {
    mkdirSync(`${place}/${name}`, { recursive: true });
    writeFileSync(`${place}/${name}/news.tsv`, newsFile());
    writeFileSync(`${place}/${name}/behaviors.tsv`, behaviours(count, seed));
  }
}

/** A recipe of a small NRMS. */
export const smallNrms = (target: string, epochs: number): string => `job: train
target: ${target}
seed: 1
backend: ort
threads: 1
model: { name: nrms, wordWidth: 16, heads: 2, headWidth: 8, queryWidth: 8, titleWords: 6, history: 5 }
training: { epochs: ${epochs}, batchSize: 32, learningRate: 0.01 }
`;
