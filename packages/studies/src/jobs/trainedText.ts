/** The text encoder that a recipe trains with its model (`features.text: trained`), on the texts of its domains. */
import { RandomStream } from '@ferry/engine';
import {
  createEncoder,
  encoderTower,
  loadEncoder,
  loadTokenizer,
  tokenise,
  vocabularyTokenizer,
  wordVocabulary,
  type Encoder,
  type EncoderTower,
  type TextTokenizer,
} from '@ferry/encoders';
import { textEncoderSchema, UserError, type RunRecipe, type TextEncoderSettings } from '@ferry/recipes';
import type { DomainFeatures } from '@ferry/sequential';
import { domainPath } from '../domains.ts';
import type { LoadedDomain } from './domain.ts';

/** A text encoder and what it reads of each domain's items. */
export interface TrainedText {
  /** The encoder as a tower. */
  readonly tower: EncoderTower;
  /** By domain. */
  readonly domains: readonly Pick<DomainFeatures, 'content' | 'present'>[];
}

/** Settings of a recipe's text encoder, if one is trained. */
export function trainedTextOf({ features }: Pick<RunRecipe, 'features'>): TextEncoderSettings | undefined {
  return features.text === 'trained' ? (features.textEncoder ?? textEncoderSchema.parse({})) : undefined;
}

/** Whether the tokens of a recipe's text encoder are those of one domain, and mean nothing on another. */
export function tokensOfDomain(recipe: Pick<RunRecipe, 'features'>): boolean {
  return recipe.features.text === 'trained' && recipe.features.textEncoder?.from === undefined;
}

/** Rates of their own for the weights of a recipe's text encoder, as an optimiser's groups. */
export function encoderGroups(recipe: Pick<RunRecipe, 'features'>): {
  groups?: { match: string[]; learningRate: number }[];
} {
  const learningRate = trainedTextOf(recipe)?.learningRate;
  return learningRate === undefined ? {} : { groups: [{ match: ['encoders.**'], learningRate }] };
}

/** A pre-trained encoder with its tokenizer, or one from nothing with a vocabulary of these texts. */
async function open(
  settings: TextEncoderSettings,
  texts: readonly string[],
  random: RandomStream,
): Promise<{ encoder: Encoder; tokenizer: TextTokenizer }> {
  const { from, config, vocabulary, length, pooling } = settings;
  if (from !== undefined) {
    const directory = domainPath(from);
    if (directory === undefined)
      throw new UserError(`features.textEncoder.from: ${from} needs the environment variable FERRY_DATA`);
    return {
      encoder: await loadEncoder(directory, { modality: 'text', ...(pooling && { pooling }) }),
      tokenizer: await loadTokenizer(directory),
    };
  }
  const lines = wordVocabulary(texts, vocabulary);
  const tokenizer = vocabularyTokenizer(lines);
  const sizes = {
    // RoBERTa and MPNet have two positions before those of a text, and count those of tokens that are no padding.
    max_position_embeddings: length + 2,
    pad_token_id: tokenizer.padding,
    ...config,
    vocab_size: lines.length,
  };
  return {
    encoder: createEncoder(sizes, random, { modality: 'text', pooling: pooling ?? 'mean' }),
    tokenizer,
  };
}

/**
 * Makes the text encoder of a recipe and turns the domains' texts into what it reads: token numbers, or what its frozen
 * layers make of them.
 *
 * @param domains - Loaded with their texts.
 */
export async function trainedText(
  settings: TextEncoderSettings,
  seed: number,
  domains: readonly LoadedDomain[],
): Promise<TrainedText> {
  const texts = domains.map((domain) => domain.texts!);
  const all = texts.flat();
  const random = RandomStream.fromSeed(seed).split('text encoder');
  const known = all.filter((text) => text !== undefined);
  const { encoder, tokenizer } = await open(settings, known, random.split('weights'));
  const tower = encoderTower(encoder, { tuning: settings.tuning }, random.split('lora'));
  // Of all domains together, so that all are padded to one length.
  const content = tower.content({ ...tokenise(tokenizer, all, settings.length) });
  let from = 0;
  return {
    tower,
    domains: texts.map((own) => {
      const to = from + own.length;
      const rows = Object.entries(content).map(
        ([
          name,
          {
            shape: [, ...rest],
            data,
          },
        ]) => {
          const size = rest.reduce((a, b) => a * b, 1);
          return [
            `text.${name}`,
            { shape: [own.length, ...rest], data: data.subarray(from * size, to * size) },
          ];
        },
      );
      from = to;
      const present = { text: Uint8Array.from(own, (text) => (text === undefined ? 0 : 1)) };
      return { content: Object.fromEntries(rows) as DomainFeatures['content'], present };
    }),
  };
}
