import { dropout, embedding, linear, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import {
  type BiasedLinearParameters,
  createEmbedding,
  createLinear,
  type EmbeddingParameters,
  init,
  paddingMask,
} from '@ferry/nn';
import type { RowRoles } from '@ferry/training';
import type {
  NewsCatalogue,
  NewsInputs,
  NewsView,
  TextGroups,
  TokenInputs,
  VectorInputs,
} from '../contract.ts';
import { FIRST_WORD } from '../words/vocabulary.ts';
import { createFusion, fuse, type Fusion, type FusionParameters, type Part } from './fusion.ts';
import type { NewsEncoderOptions } from './newsEncoderOptions.ts';
import {
  createLabelView,
  createViewJoin,
  joinViews,
  type LabelParameters,
  labelVectors,
  type ViewJoinParameters,
} from './views.ts';
import { createPoolingEncoder, encodeWords, type PoolingEncoderParameters, poolSequence } from './words.ts';
import { createWordTable } from './wordTable.ts';

/** Weights of what makes vectors of news. */
export type NewsEncoderParameters = {
  /** Vectors of words, [V, W]; row 0 is padding. */
  readonly words?: EmbeddingParameters;
  /** Makes a vector of a title's words. */
  readonly title?: PoolingEncoderParameters;
  /** Makes a vector of an abstract's words. */
  readonly abstract?: PoolingEncoderParameters;
  /** Makes a vector of the category. */
  readonly category?: LabelParameters;
  /** Makes a vector of the subcategory. */
  readonly subcategory?: LabelParameters;
  /** Vectors of entities, [E, W]; row 0 is padding. */
  readonly entityTable?: EmbeddingParameters;
  /** Makes a vector of a news' entities. */
  readonly entities?: PoolingEncoderParameters;
  /** Joins the views where there are several. */
  readonly join?: ViewJoinParameters;
  /** Vectors of news known by number, [N + 1, D]. */
  readonly ids?: EmbeddingParameters;
  /** From a vector of a text to D. */
  readonly text?: BiasedLinearParameters;
  /** From a vector of a picture to D. */
  readonly image?: BiasedLinearParameters;
  /** Makes a vector of the tokens of an encoder of texts. */
  readonly textTokens?: PoolingEncoderParameters;
  /** Makes a vector of the tokens of an encoder of pictures. */
  readonly imageTokens?: PoolingEncoderParameters;
  /** Joins text and picture. */
  readonly fusion?: FusionParameters;
};

/** What the rows of a news encoder's tables stand for. */
export const newsEncoderRows: RowRoles = {
  'words.weight': { fixed: FIRST_WORD, kinds: ['words'] },
  'category.table.weight': { fixed: 1, kinds: ['categories'] },
  'subcategory.table.weight': { fixed: 1, kinds: ['subcategories'] },
  'entityTable.weight': { fixed: 1, kinds: ['entities'] },
  'ids.weight': { fixed: 1, kinds: ['news'] },
};

/** What a news encoder is made with, besides a recipe's settings. */
export interface NewsEncoderSizes extends NewsEncoderOptions {
  /** D */
  readonly width: number;
  /** Heads over the words of a view; divides D. */
  readonly heads: number;
  /** Words of the window of a convolution that reads them in place of self-attention. */
  readonly window?: number;
  /** Width of the additive attentions' queries. */
  readonly queryWidth: number;
  /** Whether projections have biases and the joined heads are projected once more. */
  readonly projected: boolean;
  /** Numbers of a word vector. */
  readonly wordWidth: number;
  /** Dropout of word vectors. */
  readonly wordDropout: number;
  /** Dropout behind the self-attention of a view's words. */
  readonly newsDropout: number;
  /** Defects that are switched on. */
  readonly defects: readonly string[];
}

/** Weights of a news encoder on its news; each part draws from a stream of its own. */
export function createNewsEncoder(
  o: NewsEncoderSizes,
  { count, words, labels, entities, features = {}, encoded }: NewsCatalogue,
  random: RandomStream,
): NewsEncoderParameters {
  const { width, queryWidth, projected, labelWidth, views } = o;
  const pool = (inputs: number, name: string, window = o.window): PoolingEncoderParameters =>
    createPoolingEncoder({ inputs, width, queryWidth, projected, window }, random.split(name));
  const has = (view: NewsView): boolean => o.encoder === 'words' && views.includes(view);
  const label = (view: 'category' | 'subcategory'): LabelParameters =>
    createLabelView({ count: labels![view]!.size, labelWidth, width }, random.split(view));
  const read = {
    text: features.text?.width ?? encoded?.encoders.text?.width,
    image: features.image?.width ?? encoded?.encoders.image?.width,
  };
  /** Of a modality that is read: what pools an encoder's tokens, or what maps a vector of the news, if anything does. */
  const reader = (modality: Modality): NewsEncoderParameters => {
    const inputs = read[modality];
    if (inputs === undefined) return {};
    const name = `${modality}Tokens` as const;
    // Pictures have no order that a window could read.
    const window = modality === 'image' ? o.window && 1 : o.window;
    if (o.encoder === 'tokens' && encoded?.encoders[modality]) return { [name]: pool(inputs, name, window) };
    if (o.adapted)
      return {
        [modality]: createLinear(
          { inputs, outputs: width, init: init.xavierUniform },
          random.split(modality),
        ),
      };
    if (inputs === width) return {};
    throw new Error(
      `model.adapted must be true where vectors are not as wide as the model (${width}), got ${modality} ` +
        `vectors of ${inputs} numbers`,
    );
  };
  const wordWidth = words?.vectors?.width ?? o.wordWidth;
  return {
    ...(words && { words: createWordTable(words, o, random.split('words')) }),
    ...(words && has('title') && { title: pool(wordWidth, 'title') }),
    ...(words && has('abstract') && { abstract: pool(wordWidth, 'abstract') }),
    ...(has('category') && { category: label('category') }),
    ...(has('subcategory') && { subcategory: label('subcategory') }),
    ...(has('entities') && {
      entityTable: createEmbedding(
        { count: entities!.size, width: labelWidth, init: init.normal(0.1), padding: 0 },
        random.split('entityTable'),
      ),
      // They have no order that a window could read.
      entities: pool(labelWidth, 'entities', o.window && 1),
    }),
    ...(o.encoder === 'words' &&
      views.length > 1 && {
        join: createViewJoin(
          { join: o.viewJoin, views: views.length, width, queryWidth },
          random.split('join'),
        ),
      }),
    ...(o.encoder === 'ids' && {
      ids: createEmbedding(
        { count: count + 1, width, init: init.normal(0.1), padding: 0 },
        random.split('ids'),
      ),
    }),
    ...reader('text'),
    ...reader('image'),
    ...(read.image !== undefined && {
      fusion: createFusion(
        { fusion: o.fusion, width, learned: o.missingPictures === 'learned' },
        random.split('fusion'),
      ),
    }),
  };
}

/** Lists of words or entities as vectors, in the order of the step's news. */
function encodeGroups(
  p: PoolingEncoderParameters,
  table: tf.Tensor,
  { groups, places }: TextGroups,
  o: NewsEncoderSizes,
  random: RandomSource | undefined,
): Part {
  const { heads, wordDropout: wordRate, newsDropout: rate, defects } = o;
  const masked = !defects.includes('unmasked-padding');
  const inOrder = (parts: readonly tf.Tensor[]): tf.Tensor2D =>
    embedding(parts.length === 1 ? parts[0]! : tf.concat([...parts], 0), places) as tf.Tensor2D;
  const values = inOrder(
    groups.map((words) => encodeWords(p, table, words, { heads, wordRate, rate, random, masked })),
  );
  // Lists are padded behind the last: one whose first place is padding is empty.
  const present = masked
    ? inOrder(groups.map((words) => tf.sub(1, paddingMask(tf.slice(words, [0, 0], [-1, 1])))))
    : tf.ones<tf.Rank.R2>([values.shape[0], 1]);
  return { values, present };
}

/** Vectors of a news' own number; the empty news is the zero vector. */
function identities(table: EmbeddingParameters, numbers: tf.Tensor1D): Part {
  const present = tf.expandDims<tf.Tensor2D>(tf.sub(1, paddingMask(numbers)), 1);
  return { values: tf.mul(embedding(table.weight, numbers), present), present };
}

/** The tokens of an encoder as a vector, read as words are. */
function pooledTokens(
  p: PoolingEncoderParameters,
  { values, hidden, present }: TokenInputs,
  o: NewsEncoderSizes,
  random: RandomSource | undefined,
): Part {
  const { heads, wordDropout, newsDropout: rate, defects } = o;
  const masked = !defects.includes('unmasked-padding');
  const pooled = poolSequence(p, dropout(values, wordDropout, random), {
    ...{ heads, rate, random },
    hidden: masked ? hidden : undefined,
  });
  return { values: tf.mul(pooled, present), present };
}

/** A vector of a news, mapped to D where there is an adapter. */
function adapted(p: BiasedLinearParameters | undefined, { values, present }: VectorInputs): Part {
  const mapped = p ? (linear(values, p.weight, p.bias) as tf.Tensor2D) : values;
  return { values: tf.mul(mapped, present), present };
}

/** What there is of a modality as a vector: of its tokens, or as it was computed before. */
function modalityPart(
  p: NewsEncoderParameters,
  o: NewsEncoderSizes,
  { vectors, tokens }: NewsInputs,
  { modality, random }: { modality: Modality; random: RandomSource | undefined },
): Part | undefined {
  const [read, vector] = [tokens?.[modality], vectors?.[modality]];
  if (read) return pooledTokens(p[`${modality}Tokens`]!, read, o, random);
  return vector && adapted(p[modality], vector);
}

/** The text of each news as a vector: of its views, of its number, or what was made of it before. */
function textPart(
  p: NewsEncoderParameters,
  o: NewsEncoderSizes,
  inputs: NewsInputs,
  random: RandomSource | undefined,
): Part | undefined {
  const { labels } = inputs;
  if (p.ids) return identities(p.ids, inputs.numbers);
  if (o.encoder !== 'words') return modalityPart(p, o, inputs, { modality: 'text', random });
  const of: Readonly<Record<NewsView, () => Part>> = {
    title: () => encodeGroups(p.title!, p.words!.weight, inputs.titles!, o, random),
    abstract: () => encodeGroups(p.abstract!, p.words!.weight, inputs.abstracts!, o, random),
    category: () => labelVectors(p.category!, labels!.category!),
    subcategory: () => labelVectors(p.subcategory!, labels!.subcategory!),
    entities: () => encodeGroups(p.entities!, p.entityTable!.weight, inputs.entities!, o, random),
  };
  const views = o.views.map((view) => of[view]());
  return p.join ? joinViews(p.join, views) : views[0]!;
}

/** A picture alone, or what stands for one that is missing. */
function pictureAlone(p: NewsEncoderParameters, picture: Part, fusion: Fusion): tf.Tensor2D {
  if (!p.fusion?.missing) return picture.values;
  const nothing: Part = { values: tf.zerosLike(picture.values), present: tf.zerosLike(picture.present) };
  return fuse(p.fusion, { fusion, heads: 1 }, nothing, picture);
}

/**
 * Vectors of the news of a step, [n, D]: the text's, fused with the picture's where pictures are read.
 *
 * @param random - Of a training step; absent otherwise.
 */
export function encodeNews(
  p: NewsEncoderParameters,
  o: NewsEncoderSizes,
  inputs: NewsInputs,
  random?: RandomSource,
): tf.Tensor2D {
  const text = textPart(p, o, inputs, random);
  const picture = modalityPart(p, o, inputs, { modality: 'image', random });
  if (!picture) return text!.values;
  if (!text) return pictureAlone(p, picture, o.fusion);
  return fuse(p.fusion!, { fusion: o.fusion, heads: o.heads }, text, picture);
}
