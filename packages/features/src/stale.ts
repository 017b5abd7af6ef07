import { pictureInputs, sourceInputs } from './inputs.ts';
import { describePixels } from './pixels.ts';
import { changedInputs, itemsHash, type FeatureRecord } from './record.ts';
import type { FeatureDomain, Modality } from './types.ts';
import { useLiteIdentity } from './useLite/weights.ts';

/** What the encoders of this version are, by name; CLIP's weights are not in the package. */
const identities: Readonly<Record<string, string>> = { 'use-lite': useLiteIdentity, pixels: describePixels };

/**
 * Says how features differ from what would be made of the domain today, as far as their record tells.
 *
 * @param record - The record.
 * @param domain - The domain as it is now.
 * @param modality - What was encoded.
 * @returns A sentence, or undefined if nothing differs.
 */
export async function describeStale(
  record: FeatureRecord,
  domain: FeatureDomain,
  modality: Modality,
): Promise<string | undefined> {
  const { ids } = domain.items;
  if (record.itemsHash !== undefined && record.itemsHash !== itemsHash(domain)) {
    const then = record.count === undefined || record.count === ids.length ? 'others' : String(record.count);
    return `out of date: the features must be of this domain's ${ids.length} items in this order, got ${then}`;
  }
  const identity = identities[(record.identity ?? '').split('@', 1)[0]!];
  if (identity !== undefined && record.identity !== undefined && record.identity !== identity)
    return `out of date: made by ${record.identity}, the encoder is now ${identity}`;
  if (record.inputs === undefined) return undefined;
  // Pictures are read, whatever their times say: a folder that was copied has new ones.
  const inputs =
    modality === 'text' ? await sourceInputs(domain, record) : (await pictureInputs(domain)).inputs;
  const changed = changedInputs(record.inputs, inputs);
  if (changed.length === 0) return undefined;
  const what = modality === 'text' ? 'texts' : 'pictures';
  const shown = changed.slice(0, 3).map((index) => JSON.stringify(ids[index]));
  const more = changed.length > 3 ? ' …' : '';
  return (
    `out of date: the ${what} of ${changed.length} of ${ids.length} items have changed since ` +
    `(${shown.join(', ')}${more})`
  );
}
