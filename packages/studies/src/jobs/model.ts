import { createHash } from 'node:crypto';
import type { Domain } from '@ferry/data';
import { featureSummary } from '@ferry/features';
import { missRecOptions, type MissRecOptions, type MissRecSettings } from '@ferry/missrec';
import type { FinetuneRecipe, PretrainRecipe } from '@ferry/recipes';
import { openDomain } from '../domains.ts';
import { domainFeatures, type DomainFeatures, type FeatureProgress } from '../features.ts';
import type { JobConsole } from './console.ts';

/** The same record without the keys whose value is undefined. */
function compact<T extends object>(values: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** A model's options from a recipe and the widths of its features. */
export function modelOptions(
  recipe: PretrainRecipe | FinetuneRecipe,
  features: DomainFeatures,
): MissRecOptions {
  const { interests, ...model } = recipe.model;
  const widths = compact<MissRecOptions['featureWidths']>({
    text: features.text?.width,
    image: features.image?.width,
  });
  const job =
    recipe.job === 'pretrain'
      ? {
          task: 'pretrain' as const,
          ids: false,
          regulariserWeight: recipe.pretraining.regulariserWeight,
          sequenceWeight: recipe.pretraining.sequenceWeight,
          dropRatio: recipe.pretraining.dropRatio,
          domainBalance: recipe.pretraining.domainBalance,
          itemDropShare: 1 - (recipe.pretraining.wordDropShare ?? 0),
        }
      : {
          task: 'finetune' as const,
          ids: recipe.ids,
          regulariserWeight: recipe.finetuning.regulariserWeight,
        };
  return missRecOptions(
    compact<MissRecSettings>({
      ...model,
      featureWidths: widths,
      interestMethod: interests.method,
      interestRatio: interests.ratio,
      interestCount: interests.count,
      neighbourRatio: interests.neighbours,
      ...job,
    }),
  );
}

/** A domain and the features of its items. */
export interface LoadedDomain {
  /** The domain. */
  readonly domain: Domain;
  /** Its features. */
  readonly features: DomainFeatures;
}

/** Reads a recipe's domain and makes or loads its features; `words`: of the texts with words dropped too. */
export async function loadDomain(
  reference: string,
  recipe: Pick<FinetuneRecipe, 'features' | 'model'>,
  console: JobConsole,
  options: { words?: boolean } = {},
): Promise<LoadedDomain> {
  const domain = await openDomain(reference);
  const report: FeatureProgress = (modality, progress) => {
    console.features?.(domain.name, modality, progress);
  };
  const features = await domainFeatures(domain, recipe.features, report, options);
  return { domain, features };
}

/** Whether pre-training drops words. */
export function dropsWords({ wordDropShare = 0 }: PretrainRecipe['pretraining']): boolean {
  return wordDropShare > 0;
}

/** A few lines that describe a domain. */
export function describeDomain({ domain, features }: LoadedDomain): string[] {
  const number = (value: number): string => value.toLocaleString('en-US');
  return [
    `${domain.name}: ${number(domain.items.ids.length)} items, ${number(domain.users.length)} users, ${number(domain.train.targets.length)} training rows`,
    ...Object.values(features).map((matrix) => `  ${featureSummary(matrix)}`),
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
  const bytes = (array: ArrayBufferView): void => {
    hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  };
  for (const { domain, features } of domains) {
    hash.update(JSON.stringify(domain.items.ids));
    bytes(domain.train.items);
    for (const { targets, starts, ends } of [domain.train, domain.valid, domain.test]) {
      const seen = starts.map((start, r) => Math.max(start, ends[r]! - positions));
      for (const array of [targets, seen, ends]) bytes(array);
    }
    for (const matrix of Object.values(features)) {
      bytes(matrix.data);
      bytes(matrix.present);
    }
  }
  return hash.digest('hex');
}
