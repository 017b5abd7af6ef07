import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '@ferry/data';
import { openLocal } from '../hub.ts';
import { exists, jsonOf } from '../places.ts';
import type { Feed, Session } from '../session.ts';
import type { Encoder, Modality } from '../types.ts';
import type { FoundModel } from './find.ts';
import { normaliseRows, openOutput, pooled, type Habits } from './outputs.ts';
import type { TextEncoding } from './settings.ts';

/** An encoder that is open, and what is recorded of it. */
export interface OpenModel {
  /** Encodes. */
  encoder: Encoder<string>;
  /** Where weights are held in fewer bytes: the same with all of them, to be compared with, and then closed. */
  exact?: Encoder<string>;
  /** Which output is taken, and how. */
  chosen: {
    /** Which of the graph. */
    output: string;
    /** How it becomes a vector. */
    pooling: string;
  };
  /** Whether vectors have length 1. */
  normalised: boolean;
  /** How pictures are scaled, or how many tokens of a text are read. */
  preprocessing: string;
  /** What is worth knowing, a sentence each. */
  notes: string[];
}

/**
 * How a model in a folder makes vectors, in whichever form its weights are; undefined if nothing says it.
 *
 * @param name - What the model is called.
 */
export type PoolingOf = (
  folder: string,
  reads: Modality,
  name: string,
) => Promise<
  | {
      /** How tokens become a vector. */
      pooling: string;
      /** Whether vectors get length 1. */
      normalise: boolean;
    }
  | undefined
>;

/** Tokens as transformers.js gives them. */
interface Tokens {
  input_ids: { data: BigInt64Array; dims: number[] };
  attention_mask?: { data: BigInt64Array };
  token_type_ids?: { data: BigInt64Array };
}

/** What a model's own files say about reading texts. */
interface TextFiles {
  habits: Habits;
  normalised: boolean;
  maxTokens: number | undefined;
  padding: true | 'max_length';
}

/**
 * How tokens of an ONNX file become a vector, by what its folder says; the mean where it says nothing.
 *
 * @throws InputError if it asks for another way.
 */
export function tokensOf(folder: string, own: Awaited<ReturnType<PoolingOf>>): 'cls' | 'mean' {
  const { pooling } = own ?? { pooling: 'mean' };
  if (pooling === 'cls' || pooling === 'mean') return pooling;
  throw new InputError(
    join(folder, '1_Pooling/config.json'),
    undefined,
    `tokens of an ONNX file become a vector by cls or mean, got ${pooling}: say output, or take the weights`,
  );
}

/** Reads what a folder says: how tokens become a vector, most tokens. */
async function readFiles(
  folder: string,
  name: string,
  { output }: TextEncoding,
  poolingOf: PoolingOf | undefined,
): Promise<TextFiles> {
  const json = <T>(file: string): Promise<T | undefined> => jsonOf<T>(join(folder, file));
  const own = await poolingOf?.(folder, 'text', name);
  const config = await json<{ model_type?: string; max_position_embeddings?: number }>('config.json');
  const limits = [
    (await json<{ max_seq_length?: number }>('sentence_bert_config.json'))?.max_seq_length,
    (await json<{ model_max_length?: number }>('tokenizer_config.json'))?.model_max_length,
    config?.max_position_embeddings,
  ];
  const tokens = output === 'own' ? tokensOf(folder, own) : 'mean';
  return {
    habits: {
      // The pooled output of BERT and its kin was trained for another task.
      vectors: [
        'text_embeds',
        'sentence_embedding',
        ...(/^(?:siglip|clip)/.test(config?.model_type ?? '') ? ['pooler_output'] : []),
      ],
      tokens,
    },
    normalised: own?.normalise ?? false,
    maxTokens: limits.find((limit) => limit !== undefined && limit < 1e6),
    padding: config?.model_type?.startsWith('siglip') === true ? 'max_length' : true,
  };
}

/** What a model is fed for tokens. */
function feedsOf(session: Session, { input_ids, attention_mask, token_type_ids }: Tokens, weights: string) {
  const [batch, length] = input_ids.dims as [number, number];
  const size = batch * length;
  const rows: Record<string, () => BigInt64Array> = {
    input_ids: () => input_ids.data,
    attention_mask: () => attention_mask?.data ?? new BigInt64Array(size).fill(1n),
    token_type_ids: () => token_type_ids?.data ?? new BigInt64Array(size),
    position_ids: () => BigInt64Array.from({ length: size }, (_, at) => BigInt(at % length)),
  };
  const feeds: Record<string, Feed> = {};
  for (const { name, type, shape } of session.inputs) {
    const row = rows[name];
    if (row) {
      const data = row();
      feeds[name] =
        type === 'int32'
          ? { type, data: Int32Array.from(data, Number), shape: [batch, length] }
          : { type: 'int64', data, shape: [batch, length] };
    } else if (name === 'pixel_values') {
      // A joint model computes both halves; a blank picture does for the other.
      const sizes = shape.map((own, axis) => (typeof own === 'number' ? own : [1, 3, 224, 224][axis]!));
      sizes[0] = 1;
      feeds[name] = {
        type: 'float32',
        data: new Float32Array(sizes.reduce((all, own) => all * own, 1)),
        shape: sizes,
      };
    } else
      throw new InputError(
        weights,
        undefined,
        `a text model must take ${Object.keys(rows).join(', ')}, got an input ${JSON.stringify(name)}`,
      );
  }
  return feeds;
}

/**
 * Opens a model that reads texts, in a thread of its own: the tokenizer of transformers.js, the model in ONNX Runtime.
 *
 * @throws InputError if it has no tokenizer or cannot be loaded.
 */
export async function openTextModel(
  found: FoundModel,
  settings: TextEncoding,
  base: string,
  poolingOf?: PoolingOf,
): Promise<OpenModel> {
  const folder =
    settings.tokenizer === undefined
      ? (found.folder ?? dirname(found.weights))
      : resolve(base, settings.tokenizer);
  if (!(await exists(join(folder, 'tokenizer.json'))))
    throw new InputError(
      folder,
      undefined,
      'a text encoder needs its tokenizer, got no tokenizer.json: name its folder as tokenizer',
    );
  const files = await readFiles(found.folder ?? folder, found.model ?? settings.text, settings, poolingOf);
  const tokenizer = await openLocal(folder, (library, name) => library.AutoTokenizer.from_pretrained(name));
  const { session, chosen } = await openOutput(found.weights, settings.output, files.habits);
  const normalised = settings.normalise ?? files.normalised;
  const most = settings.maxTokens ?? files.maxTokens;
  return {
    chosen,
    normalised,
    preprocessing:
      settings.maxTokens === undefined ? 'as many tokens as the model reads' : `${settings.maxTokens} tokens`,
    notes: found.notes,
    encoder: {
      encode: async (texts) => {
        const tokens = tokenizer([...texts], {
          padding: files.padding,
          truncation: true,
          ...(most === undefined ? {} : { max_length: most }),
        }) as Tokens;
        const answer = await session.run(feedsOf(session, tokens, found.weights), [chosen.output]);
        const mask = tokens.attention_mask?.data;
        const vectors = pooled(answer[chosen.output]!, chosen.pooling, mask);
        return normalised ? normaliseRows(vectors, texts.length) : vectors;
      },
      close: session.close,
    },
  };
}

/** The tokenizer's file of a text model, which decides its vectors as the weights do. */
export function tokenizerFile(found: FoundModel, settings: TextEncoding, base: string): string {
  const folder = settings.tokenizer === undefined ? found.folder : resolve(base, settings.tokenizer);
  return join(folder ?? dirname(found.weights), 'tokenizer.json');
}

/** A model's name for people. */
export const modelName = ({ model, folder, weights }: FoundModel): string =>
  model ?? basename(folder ?? weights);
