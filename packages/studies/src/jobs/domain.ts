import { createHash } from 'node:crypto';
import type { Domain } from '@ferry/data';
import { describeFeatures, itemPictures, itemTexts } from '@ferry/features';
import { UserError, type RunRecipe } from '@ferry/recipes';
import { openDomain } from '../domains.ts';
import {
  domainFeatures,
  featureBlocks,
  storedFeatures,
  type DomainFeatures,
  type FeatureBlocks,
  type FeatureProgress,
} from '../features.ts';
import { addArrays } from '../hashing.ts';
import type { JobConsole } from './console.ts';
import { type EncodedDomain, requireEncoders } from './trainedParts.ts';

/** A domain and the features of its items. */
export interface LoadedDomain extends EncodedDomain {
  /** The domain. */
  readonly domain: Domain;
  /** Its features. */
  readonly features: DomainFeatures;
}

/** A domain of which a model is made: features of the items may stay in their files. */
export type ModelDomain = Omit<LoadedDomain, 'features'> & {
  readonly features: DomainFeatures | FeatureBlocks;
};

/** A domain before anything is encoded. */
export interface OpenedDomain {
  /** The domain. */
  readonly domain: Domain;
  /** Those of its features that are files already. */
  readonly stored: DomainFeatures;
  /** All of its features, where they stay in their files. */
  readonly blocks?: FeatureBlocks;
  /** Whether the texts with words dropped are wanted too. */
  readonly words: boolean;
}

/**
 * Reads a recipe's domain and finds out whether all that is asked of it is there. For several domains, this is done for
 * each before the first is encoded.
 *
 * @param options - `words`: whether the texts with words dropped are wanted too; `rows`: splits that must have rows;
 *   `ordered`: whether the items of users must have an order, default true; `blocksFrom`: bytes of feature files from which
 *   on they are opened and not read, default never.
 * @throws Error naming the domain and what it lacks.
 */
export async function openForJob(
  reference: string,
  recipe: Pick<RunRecipe, 'features' | 'evaluation'>,
  {
    words = false,
    rows = [],
    ordered = true,
    blocksFrom = Infinity,
  }: { words?: boolean; rows?: readonly ('train' | 'valid')[]; ordered?: boolean; blocksFrom?: number } = {},
): Promise<OpenedDomain> {
  await requireEncoders(recipe.features);
  const domain = await openDomain(reference, recipe.evaluation);
  if (domain.unordered && ordered)
    throw new UserError(
      `${domain.name} (${reference}) holds ${domain.form ?? 'items in no order'}: only user-item models can be ` +
        'trained on it (ferry models)',
    );
  const { protocol = 'leave-one-out' } = domain;
  for (const split of rows)
    if (domain[split].targets.length === 0)
      throw new UserError(
        `${domain.name} (${reference}) has no ${split === 'train' ? 'training' : 'validation'} rows: ` +
          (protocol.startsWith('leave-one-out')
            ? `a user gives one from ${split === 'train' ? 'four' : 'three'} interactions on; leave it out`
            : `its split (${protocol}) leaves none; see evaluation.protocol and evaluation.split`),
      );
  const blocks = words ? undefined : await featureBlocks(domain, recipe.features, blocksFrom);
  if (blocks) return { domain, stored: {}, blocks, words };
  return { domain, stored: await storedFeatures(domain, recipe.features, { words }), words };
}

/** Makes or loads the features of a domain. */
export async function loadDomain(
  { domain, stored, words }: OpenedDomain,
  recipe: Pick<RunRecipe, 'features'>,
  console: JobConsole,
): Promise<LoadedDomain> {
  const report: FeatureProgress = (modality, progress) => {
    console.features?.(domain.name, modality, progress);
  };
  const features = await domainFeatures(domain, recipe.features, report, { stored, words });
  return {
    domain,
    features,
    ...(recipe.features.text === 'trained' && { texts: itemTexts(domain) }),
    ...(recipe.features.image === 'trained' && { pictures: await itemPictures(domain) }),
  };
}

/** A few lines that describe a domain. */
export function describeDomain({ domain, features }: LoadedDomain): string[] {
  const number = (value: number): string => value.toLocaleString('en-US');
  return [
    `${domain.name}: ${number(domain.items.ids.length)} items, ${number(domain.users.length)} users, ` +
      `${number(domain.train.targets.length)} training rows`,
    ...Object.values(features)
      .flatMap(describeFeatures)
      .map((line) => `  ${line}`),
    ...domain.warnings.map((warning) => `  ${warning}`),
  ];
}

/**
 * SHA-256 of everything of some domains that training reads: a run goes on only with the data it began with.
 *
 * @param positions - Longest history the model sees.
 */
export function fingerprint(domains: readonly LoadedDomain[], positions: number): string {
  const hash = createHash('sha256');
  for (const { domain, features, texts, pictures } of domains) {
    hash.update(JSON.stringify(domain.items.ids));
    if (texts) hash.update(JSON.stringify(texts));
    if (pictures) hash.update(JSON.stringify(pictures.inputs.map((input) => input?.hash ?? null)));
    addArrays(hash, [domain.train.items]);
    for (const { targets, starts, ends } of [domain.train, domain.valid, domain.test]) {
      const seen = starts.map((start, r) => Math.max(start, ends[r]! - positions));
      addArrays(hash, [targets, seen, ends]);
    }
    for (const { data, present } of Object.values(features)) addArrays(hash, [data, present]);
  }
  return hash.digest('hex');
}
