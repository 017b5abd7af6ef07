/** Encoders from nothing on the small world of news: titles, and pictures whose colour tells the topic. */
import {
  createEncoder,
  encoderTower,
  type ItemContent,
  tokenise,
  type TowerOptions,
  vocabularyTokenizer,
  wordVocabulary,
} from '@ferry/encoders';
import { RandomStream } from '@ferry/engine';
import { arrayTable, type ItemEncoder, type ItemTable, stackedTables } from '@ferry/training';
import type { EncodedNews } from '../src/index.ts';
import { N, news, topicOf } from './world.ts';

const sizes = {
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 16,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
};
const texts = news.titles.slice(1).map((title) => (title === '' ? undefined : title));
const lines = wordVocabulary(
  texts.filter((text) => text !== undefined),
  120,
);
/** Every third news has no picture. */
const shown = (number: number): boolean => number % 3 !== 0;

function pictures(): ItemContent {
  const size = 3 * 16;
  const data = Float32Array.from({ length: N * size }, (_, at) => {
    const number = Math.floor(at / size) + 1;
    const channel = Math.floor((at % size) / 16);
    return shown(number) ? Math.cos(topicOf(number) * (channel + 1)) : 0;
  });
  return { pixels: { shape: [N, 3, 4, 4], data } };
}

/** What is done with the encoders. */
export interface WorldEncoders extends TowerOptions {
  /** Which there are. Default a text encoder alone. */
  readonly modalities?: readonly ('text' | 'image')[];
  /** Told how many news an encoder was asked for, as a graph of it is made. */
  readonly asked?: (rows: number) => void;
}

/** Fresh encoders, and what they read of the world's news. */
export async function worldEncoders({
  modalities = ['text'],
  asked = () => undefined,
  ...options
}: WorldEncoders): Promise<EncodedNews> {
  const encoders: Partial<Record<'text' | 'image', ItemEncoder>> = {};
  const content: Record<string, ItemTable> = {};
  for (const modality of modalities) {
    const random = RandomStream.fromSeed(5).split(modality);
    const config =
      modality === 'text'
        ? { model_type: 'bert', vocab_size: lines.length, max_position_embeddings: 14, ...sizes }
        : { model_type: 'vit', image_size: 4, patch_size: 2, ...sizes };
    const encoder = createEncoder(config, random.split('weights'), { pooling: 'mean' });
    const tower = encoderTower(encoder, options, random.split('lora'));
    const read = modality === 'text' ? tokenise(vocabularyTokenizer(lines), texts, 12) : pictures();
    const made = await tower.content({ ...read });
    for (const [name, own] of Object.entries(made))
      content[`${modality}.${name}`] = stackedTables(['read' in own ? own : arrayTable(own)]);
    encoders[modality] = {
      ...tower,
      vectors: (p, given, drawn) => {
        asked(Object.values(given)[0]!.shape[0]);
        return tower.vectors(p, given, drawn);
      },
    };
  }
  const flags = (has: (number: number) => boolean): Uint8Array =>
    Uint8Array.from({ length: N + 1 }, (_, number) => (number > 0 && has(number) ? 1 : 0));
  const present = { text: flags((number) => news.titles[number] !== ''), image: flags(shown) };
  return { encoders, content, present };
}
