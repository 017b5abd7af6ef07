import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Batch, Domain, Sequences } from '@ferry/data';
import {
  baselineScores,
  contentNeighbours,
  easeBaseline,
  easeMostItems,
  easeRegularisation,
  easeWeights,
  evaluateRanking,
  itemCosine,
  markov,
  popularity,
  metricsWith,
  sampledWords,
  type Baseline,
  type Scores,
} from '@ferry/evaluation';
import type { FeatureMatrix } from '@ferry/features';
import type { StudyRecipe } from '@ferry/recipes';
import { rankingOptions } from '../jobs/target.ts';
import type { DomainFeatures } from '../features.ts';
import { addArrays } from '../hashing.ts';
import { keepRows, keptRows } from '../keptRows.ts';
import { rankedRows, type RankedRows } from '../rows.ts';
import type { Place } from './axes.ts';

/** A recommender without training that a study compares with. */
export type BaselineName = StudyRecipe['baselines'][number];

/** How a baseline did on a target. */
export interface BaselineResult {
  /** The part of a place that names the target. */
  readonly place: Place;
  /** Which baseline. */
  readonly name: BaselineName;
  /** Test metrics over all rows. */
  readonly test: Readonly<Record<string, number>>;
  /** What it ranked. */
  readonly rows: RankedRows;
}

/** What baselines are made of. */
export interface BaselineTarget {
  /** The part of a place that names the target. */
  readonly place: Place;
  /** The target. */
  readonly domain: Domain;
  /** Features of its items, made when a baseline reads them; undefined where the study has none. */
  readonly features?: () => Promise<DomainFeatures>;
  /** Where their rows are kept, so that none is ranked twice; undefined to keep nothing. */
  readonly directory?: string;
}

interface Scorer {
  readonly scores: (batch: Batch) => Scores | Promise<Scores>;
  readonly dispose?: () => void;
}

const counting: Partial<Record<BaselineName, (training: Sequences, count: number) => Baseline>> = {
  popularity,
  markov,
  'item-cf': itemCosine,
};

/** Baselines that read features. */
const ofContent: readonly BaselineName[] = ['content-last', 'content-history'];

/** The features that content baselines read; [] where there are none. */
async function contentOf({ features }: BaselineTarget): Promise<FeatureMatrix[]> {
  const { text, image } = (await features?.()) ?? {};
  return [text, image].filter((feature) => feature !== undefined);
}

/** Identifies features by what they hold: rows that were ranked by others are not kept. */
function featuresKey(features: readonly FeatureMatrix[]): string {
  const hash = createHash('sha256');
  for (const { modality, width, data, present } of features)
    addArrays(hash.update(`${modality} ${width} `), [data, present]);
  return hash.digest('hex');
}

/** How a baseline scores; undefined where the target lacks what it needs. */
async function scorerOf(
  name: BaselineName,
  domain: Domain,
  content: readonly FeatureMatrix[],
): Promise<Scorer | undefined> {
  const count = domain.items.ids.length;
  const counts = counting[name];
  if (counts) return { scores: baselineScores(counts(domain.training, count), count) };
  if (name === 'ease') {
    if (count > easeMostItems) return undefined;
    const weights = await easeWeights(domain.training, count, { regularisation: easeRegularisation });
    return { scores: baselineScores(easeBaseline(weights, count), count) };
  }
  if (content.length === 0) return undefined;
  return contentNeighbours(content, count, name === 'content-last' ? 'last' : 'history');
}

/** What kept rows must share with those that would be ranked now. */
const identity = ['key', 'history', 'protocol', 'sampled', 'features'] as const;

/**
 * Ranks a target's test rows by baselines without training, as the study ranks its models. Baselines whose rows were
 * kept are not ranked again, unless by other features; those that need features where there are none, and EASE of more
 * than {@link easeMostItems} items, are left out.
 *
 * @param say - Told of each baseline that is left out.
 */
export async function runBaselines(
  names: readonly BaselineName[],
  target: BaselineTarget,
  evaluation: StudyRecipe['evaluation'],
  say: (line: string) => void = () => undefined,
): Promise<BaselineResult[]> {
  const { place, domain, directory } = target;
  const { history, cutoffs, ties } = evaluation;
  const options = rankingOptions(evaluation, domain);
  const results: BaselineResult[] = [];
  const shell = {
    better: new Int32Array(0),
    tied: new Int32Array(0),
    ...(options.sampled && { sampled: sampledWords(options.sampled) }),
  };
  const shown = rankedRows({ domain, split: 'test', history, places: shell });
  const content = names.some((name) => ofContent.includes(name)) ? await contentOf(target) : [];
  const key = content.length > 0 ? featuresKey(content) : undefined;
  for (const name of names) {
    const features = ofContent.includes(name) ? key : undefined;
    const now: RankedRows = { ...shown, features };
    const kept = directory === undefined ? undefined : await keptRows(join(directory, name));
    if (kept && identity.every((what) => kept[what] === now[what])) {
      results.push({ place, name, test: metricsWith(kept, cutoffs, [evaluation.metric], ties), rows: kept });
      continue;
    }
    const scorer = await scorerOf(name, domain, content);
    if (!scorer) {
      say(
        name === 'ease'
          ? `${domain.name}: ease is left out, its weights are N² (${domain.items.ids.length} items, at most ` +
              `${easeMostItems})`
          : `${domain.name}: ${name} is left out, it needs text or image features`,
      );
      continue;
    }
    const count = domain.items.ids.length;
    const places = await evaluateRanking({
      ...options,
      rows: domain.test,
      count,
      lengths: 'longest',
      scores: scorer.scores,
    });
    scorer.dispose?.();
    const rows: RankedRows = {
      ...rankedRows({ domain, split: 'test', history, places }),
      features,
    };
    if (directory !== undefined) await keepRows(join(directory, name), 'test', rows);
    results.push({ place, name, test: places.metrics, rows });
  }
  return results;
}
