import { fromBfloat16, toBfloat16 } from '@ferry/nn';
import { withEmptyCandidate } from '../defects.ts';
import { evaluateImpressions, type ImpressionResults, type ImpressionTies } from './metrics.ts';
import type { Impressions } from './types.ts';

/** Defects of the measurement: they change no model, but what is said of it. */
const ofMeasurement = ['order-as-ranks', 'empty-candidate', 'bf16-scores'];

/** The impressions that a model scores: themselves, unless a defect adds to them. */
export function scoredImpressions(impressions: Impressions, defects: readonly string[]): Impressions {
  return defects.includes('empty-candidate') ? withEmptyCandidate(impressions) : impressions;
}

/** Scores without those of the empty candidate that stands last in each impression. */
function withoutLast({ candidates: { offsets }, count }: Impressions, scores: Float32Array): Float32Array {
  const left = new Float32Array(scores.length - count);
  for (let row = 0; row < count; row++)
    left.set(scores.subarray(offsets[row], offsets[row + 1]! - 1), offsets[row]! - row);
  return left;
}

/** How a model did, twice. */
export interface MeasuredImpressions {
  /** As it is reported: with the defects of measurement that are switched on. */
  readonly reported: ImpressionResults;
  /** As it is; the same results where no such defect is on. */
  readonly corrected: ImpressionResults;
}

/**
 * Measures a model's scores, with the defects that it has switched on and without.
 *
 * @param impressions - What was to be ranked.
 * @param scores - Of the candidates of {@link scoredImpressions}.
 */
export function measureImpressions(
  impressions: Impressions,
  scores: Float32Array,
  { defects, ties }: { defects: readonly string[]; ties: ImpressionTies },
): MeasuredImpressions {
  const scored = scoredImpressions(impressions, defects);
  const rounded = defects.includes('bf16-scores')
    ? scores.map((score) => fromBfloat16(toBfloat16(score)))
    : scores;
  const submit = defects.includes('order-as-ranks') ? 'order' : 'rank';
  const reported = evaluateImpressions(scored, rounded, { ties, submit });
  if (!ofMeasurement.some((name) => defects.includes(name))) return { reported, corrected: reported };
  const own = scored === impressions ? scores : withoutLast(scored, scores);
  return { reported, corrected: evaluateImpressions(impressions, own, { ties }) };
}
