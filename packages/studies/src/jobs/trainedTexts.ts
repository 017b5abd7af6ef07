import type { RandomStream } from '@ferry/engine';
import {
  createEncoder,
  loadEncoder,
  loadTokenizer,
  saveEncoder,
  savePooling,
  saveVocabulary,
  tokenise,
  vocabularyTokenizer,
  wordVocabulary,
  type TextTokenizer,
} from '@ferry/encoders';
import type { TextEncoderSettings } from '@ferry/recipes';
import {
  type EncodedDomain,
  encoderFolder,
  type OpenedEncoder,
  textSizes,
  towerOptions,
} from './trainedParts.ts';

/** What of a recipe's text encoder says what it is. */
type TextSettings = Pick<TextEncoderSettings, 'from' | 'config' | 'vocabulary' | 'length' | 'pooling'> &
  Partial<Pick<TextEncoderSettings, 'tuning'>>;

/** A pre-trained encoder with its tokenizer, or one from nothing with a vocabulary of these texts. */
async function open(
  settings: TextSettings,
  texts: readonly string[],
  random: RandomStream,
): Promise<Pick<OpenedEncoder, 'encoder' | 'save'> & { tokenizer: TextTokenizer }> {
  const { from, vocabulary, pooling } = settings;
  if (from !== undefined) {
    const directory = encoderFolder(from, 'features.textEncoder.from');
    const encoder = await loadEncoder(directory, { modality: 'text', pooling });
    return {
      encoder,
      tokenizer: await loadTokenizer(directory),
      save: (place) => saveEncoder(place, encoder),
    };
  }
  const lines = wordVocabulary(texts, vocabulary);
  const tokenizer = vocabularyTokenizer(lines);
  const sizes = textSizes(settings, { size: lines.length, padding: tokenizer.padding });
  const encoder = createEncoder(sizes, random, { modality: 'text', pooling: pooling ?? 'mean' });
  return {
    encoder,
    tokenizer,
    save: async (place) => {
      await saveEncoder(place, encoder);
      await saveVocabulary(place, lines);
      const { pooling: own, width } = encoder;
      if (own === 'cls' || own === 'mean' || own === 'max') await savePooling(place, { pooling: own, width });
    },
  };
}

/**
 * The text encoder of a recipe and the tokens of the domains' texts, all padded to one length.
 *
 * @param options - `padded`: whether that is the longest there may be, not the longest there is.
 */
export async function openTexts(
  settings: TextSettings & Partial<TextEncoderSettings>,
  domains: readonly Pick<EncodedDomain, 'texts'>[],
  random: RandomStream,
  { padded = false }: { padded?: boolean } = {},
): Promise<OpenedEncoder> {
  const texts = domains.map((domain) => domain.texts!);
  const all = texts.flat();
  const known = all.filter((text) => text !== undefined);
  const { encoder, tokenizer, save } = await open(settings, known, random.split('weights'));
  const { ids, mask } = tokenise(tokenizer, all, settings.length, padded ? settings.length : 1);
  const [, T] = ids.shape as [number, number];
  let from = 0;
  const items = texts.map(({ length }) => {
    const [begin, end] = [from * T, (from + length) * T];
    from += length;
    return {
      ids: { shape: [length, T], data: ids.data.subarray(begin, end) },
      mask: { shape: [length, T], data: mask.data.subarray(begin, end) },
    };
  });
  return {
    ...{ encoder, tokenizer, save },
    options: towerOptions(settings),
    items,
    present: texts.map((own) => Uint8Array.from(own, (text) => (text === undefined ? 0 : 1))),
    random: random.split('lora'),
  };
}
