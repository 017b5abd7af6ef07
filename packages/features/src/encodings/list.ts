import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { presentCount } from '../matrix.ts';
import { readRecord } from '../record.ts';
import { describeStale } from '../stale.ts';
import { readStoredFeatures } from '../store.ts';
import { featureStore } from '../storePlace.ts';
import type { FeatureDomain, Modality } from '../types.ts';

/** A set of features that was encoded and kept. */
export interface EncodingListing {
  /** What is described. */
  modality: Modality;
  /** What it is kept under; recipes take it as `features.<modality>: made:<name>`. */
  name: string;
  /** Who made it: the model and its version, the output and how it became a vector. */
  model: string;
  /** F. */
  width: number;
  /** N. */
  items: number;
  /** Items without a vector. */
  missing: number;
  /** When it was made, ISO 8601. */
  when: string;
  /** `up to date`, or how it differs from what would be made today, or why it cannot be read. */
  state: string;
}

/**
 * The sets of features that a domain has from `ferry features`. Texts and pictures are read and compared with what was
 * encoded; models are not.
 */
export async function listEncodings(domain: FeatureDomain): Promise<EncodingListing[]> {
  const store = await featureStore(domain);
  const names = await readdir(store.features).catch((): string[] => []);
  const found: EncodingListing[] = [];
  for (const file of names.filter((name) => /^(?:text|image)-.+\.npy$/.test(name)).sort()) {
    const path = join(store.features, file);
    const modality = file.startsWith('text-') ? 'text' : 'image';
    const base = { modality, name: file.slice(modality.length + 1, -'.npy'.length) } as const;
    try {
      const record = await readRecord(path);
      if (!record) throw new Error('it has no record beside it');
      const { model, identity, fields } = record;
      const stale = await describeStale(record, domain, modality);
      // Records of earlier versions state no number.
      const matrix =
        record.present === undefined
          ? await readStoredFeatures(store, domain, modality, base.name)
          : undefined;
      const present = record.present ?? (matrix ? presentCount(matrix) : 0);
      const version = model?.revision === undefined ? '' : `@${model.revision.slice(0, 8)}`;
      const of = fields ? ` of ${fields.join(' + ')}` : '';
      found.push({
        ...base,
        model: model
          ? `${model.name}${version}, ${model.output}, ${model.pooling}${of}`
          : `${identity ?? record.encoder ?? base.name}${of}`,
        width: record.width ?? 0,
        items: record.count ?? 0,
        missing: (record.count ?? 0) - present,
        when: record.created ?? (await stat(path)).mtime.toISOString(),
        state: stale ?? 'up to date',
      });
    } catch (error) {
      const state = `cannot be read: ${(error as Error).message}`;
      found.push({ ...base, model: '', width: 0, items: 0, missing: 0, when: '', state });
    }
  }
  return found;
}
