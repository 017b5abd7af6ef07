import { checkRecipe, didYouMean, UserError, type RecipeDocument } from '@ferry/recipes';
import {
  gridStudy,
  readyStudy,
  type PlacedStudy,
  type ReadyStudy,
  type StudyDefinition,
} from '@ferry/studies';
import { models } from './models.ts';

/** The kinds of study, each loaded when it is used. */
const known: Readonly<Record<string, () => Promise<StudyDefinition>>> = {
  features: async () => (await import('@ferry/feature-study')).featureStudy,
  modality: async () => (await import('@ferry/modality-study')).modalityStudy,
  grid: () => Promise.resolve(gridStudy),
  news: async () => (await import('@ferry/news-study')).newsStudy,
  transfer: async () => (await import('@ferry/transfer-study')).transferStudy,
};

/** Their names. */
export const studyNames: readonly string[] = Object.keys(known);

/**
 * The kind of a study's recipe: the one it names; else a grid where it has axes, and the transfer study where it has
 * none.
 */
function kindOf({ value }: RecipeDocument): string {
  const { study, axes } = value as { study?: unknown; axes?: unknown };
  if (typeof study === 'string') return study;
  return axes === undefined ? 'transfer' : 'grid';
}

/**
 * Checks and plans the recipe of a study of any kind.
 *
 * @param name - Of the recipe.
 * @param out - Where it is made, unless the recipe says.
 * @throws UserError if there is no such kind; RecipeError if the recipe cannot be used.
 */
export async function openStudy(document: RecipeDocument, name: string, out: string): Promise<ReadyStudy> {
  const kind = kindOf(document);
  const load = Object.hasOwn(known, kind) ? known[kind] : undefined;
  if (!load)
    throw new UserError(
      `${document.locate(['study'])}  no kind of study '${kind}'${didYouMean(kind, studyNames)} (there are ` +
        `${studyNames.join(', ')})`,
    );
  const definition = await load();
  const recipe = checkRecipe(document, definition.schema);
  const placed: PlacedStudy = { ...recipe, out: recipe.out ?? out };
  return readyStudy(placed, name, definition, models, document);
}
