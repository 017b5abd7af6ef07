import { itemTexts } from '@ferry/features';
import { readsPadding, roundToBfloat16, type EncodedNews, type NewsOptions } from '@ferry/nrms';
import type { TrainRecipe } from '@ferry/recipes';
import { arrayTable, stackedTables } from '@ferry/training';
import type { JobConsole } from './console.ts';
import { newsItems, type OpenedNews } from './newsData.ts';
import { trainedEncoders } from './trainedEncoders.ts';

/**
 * The encoders that a recipe trains with its news model, and the titles and pictures as they read them.
 *
 * @returns Undefined if the recipe trains none.
 */
export async function newsEncoders(
  opened: OpenedNews,
  recipe: Pick<TrainRecipe, 'features' | 'seed'>,
  { encoder, defects, missingPictures }: NewsOptions,
  console: Pick<JobConsole, 'features' | 'line'>,
): Promise<EncodedNews | undefined> {
  const domain = newsItems(opened);
  const texts = recipe.features.text === 'trained' ? itemTexts(domain) : undefined;
  const items = { domain, texts, pictures: opened.pictures };
  const made = await trainedEncoders(recipe, [items], console, {
    tokens: encoder === 'tokens',
    padded: readsPadding(defects),
    whiteCards: missingPictures === 'white',
    weight: defects.includes('bf16-weights') ? roundToBfloat16 : undefined,
  });
  if (!made) return undefined;
  const { content = {}, present = {} } = made.domains[0]!;
  return {
    encoders: made.encoders,
    // Number 0, the empty news, has nothing.
    content: Object.fromEntries(
      Object.entries(content).map(([name, own]) => [
        name,
        stackedTables(['read' in own ? own : arrayTable(own)]),
      ]),
    ),
    present: Object.fromEntries(
      Object.entries(present).map(([modality, flags]) => [modality, Uint8Array.from([0, ...flags])]),
    ),
  };
}
