/** NRMS over encoders that are trained with it, beside transformers' (tools/parity/nrms_encoders_twin.py). */
import { fileURLToPath } from 'node:url';
import { type Encoder, encoderTower, type ItemContent, loadEncoder, type Tuning } from '@ferry/encoders';
import { RandomStream, selectBackend } from '@ferry/engine';
import { arrayTable, type ItemEncoder, type ItemTable, stackedTables } from '@ferry/training';
import { beforeAll, describe, it } from 'vitest';
import { fill } from '../../nn/test/helpers.ts';
import { nrms } from '../src/models/nrms.ts';
import { completeNrms, nrmsSettings } from '../src/models/nrmsOptions.ts';
import { createNewsRecommender, type NewsRecommender } from '../src/recommender.ts';
import { compareWithTwin, readTwin, setTwinWeights, type TwinCase, type TwinImpressions } from './twin.ts';

type Modality = 'text' | 'image';
type Case = TwinCase & {
  name: string;
  encoder: string;
  fusion: string;
  image: boolean;
  lora?: { rank: number; alpha: number };
};

const fixture = readTwin('nrmsEncoders') as TwinImpressions & {
  bare: number[];
  heads: number;
  headWidth: number;
  queryWidth: number;
  cases: Case[];
};
const N = fixture.titles.length - 1;
const folder = (name: string): string =>
  fileURLToPath(new URL(`../../encoders/test/fixtures/${name}`, import.meta.url));

/** Titles as BERT reads them, and pictures as ViT does. */
function contentOf(modality: Modality): ItemContent {
  const news = Array.from({ length: N }, (_, i) => i + 1);
  if (modality === 'image') {
    const pixels = news.map((n) =>
      fixture.bare.includes(n) ? new Float32Array(3 * 64) : fill(`picture.${n}`, [1, 3, 8, 8]),
    );
    const data = Float32Array.from(pixels.flatMap((own) => [...own]));
    return { pixels: { shape: [N, 3, 8, 8], data } };
  }
  const T = Math.max(...fixture.titles.map(({ length }) => length));
  const padded = news.flatMap((n) => Array.from({ length: T }, (_, t) => fixture.titles[n]![t] ?? 0));
  return {
    ids: { shape: [N, T], data: Int32Array.from(padded) },
    mask: { shape: [N, T], data: Float32Array.from(padded, (token) => (token > 0 ? 1 : 0)) },
  };
}

async function recommender({ encoder, fusion, image, lora }: Case): Promise<{
  own: NewsRecommender;
  parts: Map<Modality, Encoder>;
}> {
  const { heads, headWidth, queryWidth } = fixture;
  const settings = { encoder, fusion, heads, headWidth, queryWidth, projected: true, history: 5 };
  const options = completeNrms(nrmsSettings.parse({ ...settings, wordDropout: 0 }));
  const parts = new Map<Modality, Encoder>();
  const encoders: Partial<Record<Modality, ItemEncoder>> = {};
  const content: Record<string, ItemTable> = {};
  for (const modality of image ? (['text', 'image'] as const) : (['text'] as const)) {
    const part = await loadEncoder(folder(modality === 'text' ? 'bert' : 'vit'), { pooling: 'cls' });
    const tuning: Tuning = lora ? { lora } : 'all';
    const tokens = encoder === 'tokens';
    const tower = encoderTower(part, { tuning, tokens }, RandomStream.fromSeed(1));
    const made = await tower.content(contentOf(modality));
    for (const [name, table] of Object.entries(made))
      content[`${modality}.${name}`] = stackedTables(['read' in table ? table : arrayTable(table)]);
    encoders[modality] = tower;
    parts.set(modality, part);
  }
  const flags = (has: (n: number) => boolean): Uint8Array =>
    Uint8Array.from({ length: N + 1 }, (_, n) => (n > 0 && has(n) ? 1 : 0));
  const present = {
    text: flags((n) => fixture.titles[n]!.length > 0),
    image: flags((n) => !fixture.bare.includes(n)),
  };
  const catalogue = { count: N, encoded: { encoders, content, present } };
  const own = createNewsRecommender(nrms, { options, catalogue, seed: 1 });
  setTwinWeights(own);
  return { own, parts };
}

/** Ferry's name of a weight that the twin calls as transformers does. */
function ferryName(name: string, parts: ReadonlyMap<Modality, Encoder>): string {
  const [place, theirs] = name.split(':') as [string, string?];
  if (theirs === undefined) return name;
  const modality = place.slice('encoders.'.length) as Modality;
  const found = [...parts.get(modality)!.names].find(([, their]) => their === theirs);
  return `${place}.weights.${found![0]}`;
}

describe.each(['ort', 'cpu'])('NRMS over encoders equals its PyTorch twin on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend as 'cpu');
  });

  it.each(fixture.cases)('$name', async (wanted) => {
    const { own, parts } = await recommender(wanted);
    const gradients = Object.fromEntries(
      Object.entries(wanted.gradients).map(([name, found]) => [ferryName(name, parts), found]),
    );
    await compareWithTwin(own, fixture, { ...wanted, gradients });
  });
});
