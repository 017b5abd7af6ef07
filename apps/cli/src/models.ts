import { didYouMean, UserError, type ModelRegistry } from '@ferry/recipes';
import type { AnyModel } from '@ferry/studies';

/** The models that recipes can name, each loaded when it is used. */
const known: Readonly<Record<string, () => Promise<AnyModel>>> = {
  missrec: async () => (await import('@ferry/missrec')).missRec,
  bert4rec: async () => (await import('@ferry/morec')).bert4rec,
  dssm: async () => (await import('@ferry/morec')).dssm,
  gru4rec: async () => (await import('@ferry/morec')).gru4rec,
  sasrec: async () => (await import('@ferry/morec')).sasrec,
  unisrec: async () => (await import('@ferry/morec')).unisrec,
  nrms: async () => (await import('@ferry/nrms')).nrms,
  naml: async () => (await import('@ferry/nrms')).naml,
  lstur: async () => (await import('@ferry/nrms')).lstur,
  'rec-transformer': async () => (await import('@ferry/nrms')).recTransformer,
  'bpr-mf': async () => (await import('@ferry/collaborative')).bprMf,
  vbpr: async () => (await import('@ferry/collaborative')).vbpr,
  lightgcn: async () => (await import('@ferry/collaborative')).lightGcn,
  'lightgcn-m': async () => (await import('@ferry/collaborative')).lightGcnM,
  'ngcf-m': async () => (await import('@ferry/collaborative')).ngcfM,
  freedom: async () => (await import('@ferry/collaborative')).freedom,
  bm3: async () => (await import('@ferry/collaborative')).bm3,
  lattice: async () => (await import('@ferry/collaborative')).lattice,
  ease: async () => (await import('@ferry/collaborative')).ease,
  'item-knn': async () => (await import('@ferry/collaborative')).itemKnn,
  'user-knn': async () => (await import('@ferry/collaborative')).userKnn,
  'attribute-item-knn': async () => (await import('@ferry/collaborative')).attributeItemKnn,
  'most-pop': async () => (await import('@ferry/collaborative')).mostPop,
  random: async () => (await import('@ferry/collaborative')).random,
};

/** Their names. */
export const modelNames: readonly string[] = Object.keys(known);

/** Models of the user's, by every name that a recipe has for them. */
const own = new Map<string, AnyModel>();

/** Makes models of the user's known, each by its names. */
export function addModels(added: Iterable<readonly [names: readonly string[], model: AnyModel]>): void {
  for (const [names, model] of added) for (const name of names) own.set(name, model);
}

/**
 * A model by its name.
 *
 * @throws UserError if there is none.
 */
export async function modelNamed(name: string): Promise<AnyModel> {
  const found = own.get(name);
  if (found) return found;
  const load = Object.hasOwn(known, name) ? known[name] : undefined;
  if (!load)
    throw new UserError(
      `no model '${name}'${didYouMean(name, modelNames)} (there are ${modelNames.join(', ')})`,
    );
  return load();
}

/** The models as jobs find them; recipes from before there were several are MISSRec's. */
export const models: ModelRegistry<AnyModel> = { unnamed: 'missrec', load: modelNamed };
