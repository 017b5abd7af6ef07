/** Encoders that a recipe trains with its model (`features.text: trained`, `features.image: trained`). */
import { join } from 'node:path';
import { RandomStream, tf } from '@ferry/engine';
import { encoderTower, type EncoderTower, type ItemContent, layerRates } from '@ferry/encoders';
import { featureStore, type FeatureDomain, type Modality } from '@ferry/features';
import { createSchedule, flattenParameters, type ParameterGroup } from '@ferry/nn';
import {
  imageEncoderSchema,
  textEncoderSchema,
  type ImageEncoderSettings,
  type RunRecipe,
  type TextEncoderSettings,
} from '@ferry/recipes';
import type { DomainFeatures } from '@ferry/sequential';
import type { ItemEncoders } from '@ferry/training';
import type { JobConsole } from './console.ts';
import { openImages } from './trainedImages.ts';
import type { EncodedDomain, OpenedEncoder } from './trainedParts.ts';
import { openTexts } from './trainedTexts.ts';

/** The encoders of a recipe, and what they read of each domain's items. */
export interface TrainedEncoders {
  /** The encoders as towers. */
  readonly encoders: ItemEncoders;
  /** By domain. */
  readonly domains: readonly Pick<DomainFeatures, 'content' | 'present'>[];
}

/** What a model reads of encoders. */
export interface EncoderUse {
  /** Whether it reads the vectors of all tokens instead of one vector of each item. Default false. */
  readonly tokens?: boolean;
  /** Whether texts are as long as they may be, with padding behind them. Default: as the longest needs. */
  readonly padded?: boolean;
  /** Whether a white card stands for pictures that are missing. Default false. */
  readonly whiteCards?: boolean;
  /** What becomes of each weight before anything is computed with it. Default: it stays. */
  readonly weight?: ((value: tf.Tensor) => tf.Tensor) | undefined;
}

type Features = Pick<RunRecipe, 'features'>;

/** Settings of the encoders that a recipe trains. */
function settingsOf({ features }: Features): { text?: TextEncoderSettings; image?: ImageEncoderSettings } {
  return {
    ...(features.text === 'trained' && { text: features.textEncoder ?? textEncoderSchema.parse({}) }),
    ...(features.image === 'trained' && { image: features.imageEncoder ?? imageEncoderSchema.parse({}) }),
  };
}

/** Whether the tokens of a recipe's text encoder are those of one domain, and mean nothing on another. */
export function tokensOfDomain(recipe: Features): boolean {
  const { text } = settingsOf(recipe);
  return text !== undefined && text.from === undefined;
}

/**
 * Rates of their own for the weights of a recipe's encoders, as an optimiser's groups.
 *
 * @param encoders - Those that were made of it.
 * @param training - `learningRate`: of all that has none of its own; `factor`: what rates of their own are multiplied by,
 *   default 1; `warmedUp`: whether the encoders are trained already.
 */
export function encoderGroups(
  recipe: Features,
  encoders: ItemEncoders | undefined,
  training: { learningRate: number; factor?: number; warmedUp?: boolean },
): { groups?: ParameterGroup[] } {
  const groups = Object.entries(settingsOf(recipe)).flatMap(([modality, settings]): ParameterGroup[] => {
    const { learningRate: own, layerDecay, warmup } = settings;
    const encoder = encoders?.[modality as Modality];
    if (!encoder || (own ?? layerDecay ?? warmup) === undefined) return [];
    const rate = own === undefined ? training.learningRate : own * (training.factor ?? 1);
    const rates = layerRates(encoder, rate, layerDecay ?? 1);
    const warms = training.warmedUp !== true && warmup !== undefined;
    const schedule = warms ? createSchedule({ warmup }) : undefined;
    return rates.map(({ match, learningRate }) => ({
      match: match.map((glob) => `encoders.${modality}.${glob}`),
      learningRate,
      schedule,
    }));
  });
  return groups.length === 0 ? {} : { groups };
}

/**
 * Makes the encoders of a recipe and turns the domains' texts and pictures into what they read: token numbers and
 * pixels, or what their frozen layers make of them, which is kept beside the domain's features.
 *
 * @param domains - With their texts and pictures.
 * @param use - What the model reads of them.
 * @returns Undefined if the recipe trains none.
 */
export async function trainedEncoders(
  recipe: Features & Pick<RunRecipe, 'seed'>,
  domains: readonly EncodedDomain[],
  console: Pick<JobConsole, 'features' | 'line'>,
  { tokens = false, padded = false, whiteCards = false, weight }: EncoderUse = {},
): Promise<TrainedEncoders | undefined> {
  const { text, image } = settingsOf(recipe);
  // Weights that nothing but a pooled output reads have no part in tokens.
  const pooled = tokens ? { pooling: 'mean' as const } : {};
  const root = RandomStream.fromSeed(recipe.seed);
  const opened: [Modality, OpenedEncoder][] = [];
  if (text)
    opened.push([
      'text',
      await openTexts({ ...text, ...pooled }, domains, root.split('text encoder'), { padded }),
    ]);
  if (image) {
    const { damagedPictures: damaged } = recipe.features;
    opened.push([
      'image',
      await openImages({ ...image, ...pooled }, domains, root.split('image encoder'), {
        ...{ damaged, console, whiteCards },
      }),
    ]);
  }
  if (opened.length === 0) return undefined;
  const encoders: Partial<Record<Modality, EncoderTower>> = {};
  const made = domains.map(
    (): {
      content: Record<string, NonNullable<DomainFeatures['content']>[string]>;
      present: Partial<Record<Modality, Uint8Array>>;
    } => ({ content: {}, present: {} }),
  );
  for (const [modality, { encoder, options, items, present, random }] of opened) {
    if (weight)
      for (const variable of flattenParameters(encoder.parameters).values())
        tf.tidy(() => {
          variable.assign(weight(variable));
        });
    const tower = encoderTower(encoder, { ...options, tokens }, random);
    encoders[modality] = tower;
    for (const [d, { domain }] of domains.entries()) {
      const content = await contentOf(tower, items[d]!, domain, (done, total) => {
        console.features?.(domain.name, modality, { done, total });
      });
      for (const [name, table] of Object.entries(content)) made[d]!.content[`${modality}.${name}`] = table;
      made[d]!.present[modality] = present[d]!;
    }
  }
  return { encoders, domains: made };
}

/** What a catalogue holds of a domain's items. */
async function contentOf(
  tower: EncoderTower,
  items: ItemContent,
  domain: FeatureDomain,
  progress: (done: number, total: number) => void,
): ReturnType<EncoderTower['content']> {
  if (tower.frozenLayers === 0) return tower.content(items);
  const { features } = await featureStore(domain);
  return tower.content(items, { directory: join(features, 'layers'), progress });
}
