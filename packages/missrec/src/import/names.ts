import { torchName } from '@ferry/nn';

const prefixes: readonly (readonly [ours: string, theirs: string])[] = [
  ['textAdapter', 'text_adaptor'],
  ['imageAdapter', 'img_adaptor'],
  ['fusionFactor', 'fusion_factor'],
  ['positionEmbedding', 'position_embedding'],
  ['tokenNorm', 'LayerNorm'],
  ['itemEmbedding', 'item_embedding'],
  ['encoder', 'trm_model.encoder'],
  ['decoder', 'trm_model.decoder'],
];

/**
 * The name a released checkpoint gives a weight (spec 14): `encoder.norm.bias` is `trm_model.encoder.norm.bias` there.
 *
 * @param name - The weight's name in a Ferry checkpoint.
 */
export function releasedName(name: string): string {
  const [first = '', ...rest] = name.split('.');
  const theirs = prefixes.find(([ours]) => ours === first)?.[1];
  if (theirs === undefined) throw new Error(`releasedName: "${name}" is no weight of a MISSRec model`);
  return torchName([theirs, ...rest].join('.'));
}
