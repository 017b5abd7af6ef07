import { tf } from '@ferry/engine';
import { z } from 'zod';
import type { Impressions } from './mind/types.ts';

/**
 * Defects of published code that every model can be given, to measure what each alone does. All are off unless a recipe
 * names them.
 */
export const commonDefects = [
  'order-as-ranks',
  'csv-quotes',
  'oldest-history',
  'empty-candidate',
  'bf16-scores',
  'bf16-weights',
] as const;

/** Name of a defect. */
export type Defect =
  | 'order-as-ranks'
  | 'csv-quotes'
  | 'shared-mask'
  | 'raw-logit'
  | 'long-history'
  | 'mean-over-padding'
  | 'attention-across-users'
  | 'unmasked-padding'
  | 'empty-candidate'
  | 'bf16-scores'
  | 'bf16-weights'
  | 'oldest-history';

/** What each defect is; the letter and number are those of the documentation. */
export const defectTexts: Readonly<Record<Defect, string>> = {
  'order-as-ranks': 'E1: the places of the candidates in order of score are taken for their ranks',
  'csv-quotes': 'E5: news.tsv is read as CSV, whose quotation marks swallow lines',
  'shared-mask': 'E2: in training, all histories of a batch are masked as its last one; none is in the test',
  'raw-logit': 'E3: ranked by the logit of a click alone, not by its difference to that of no click',
  'long-history': 'E4: histories are cut in training and not in the test',
  'mean-over-padding': 'E6: the mean over positions counts padding',
  'attention-across-users':
    'F1: in training, histories of a batch attend to one another and share one pooling softmax',
  'unmasked-padding': 'F2: padded words and padded clicks are read as if they were some',
  'empty-candidate':
    'F3: the empty news is a candidate that was not clicked: of every impression of the test, and in training where ' +
    'there are too few others',
  'bf16-scores': 'F4: scores are rounded to bfloat16, which makes ties',
  'bf16-weights': 'F5: weights and moments are bfloat16: small steps are lost',
  'oldest-history': 'the oldest clicks of a history are read, not the newest',
};

/**
 * Whether padding changes results: then there must be as much of it as published code has, whatever the batch, and not
 * as little as possible.
 */
export function readsPadding(defects: readonly string[]): boolean {
  return ['unmasked-padding', 'shared-mask', 'mean-over-padding'].some((name) => defects.includes(name));
}

/** A recipe's list of defects. */
export function defectsSetting<const D extends readonly [Defect, ...Defect[]]>(
  names: D,
): z.ZodDefault<z.ZodArray<z.ZodEnum<{ [K in D[number]]: K }>>> {
  const texts = names.map((name) => `${name} (${defectTexts[name]})`).join('; ');
  return z
    .array(z.enum(names))
    .default([])
    .describe(`defects of published code to switch on, to measure what they do; default none: ${texts}`);
}

/**
 * The nearest numbers of eight significant bits, as bfloat16 has them (Dekker's splitting: plain arithmetic, so that it
 * runs within a compiled step). Numbers above 1e33 overflow.
 */
export function roundToBfloat16<T extends tf.Tensor>(x: T): T {
  const wide = tf.mul(x, 2 ** 16 + 1);
  return tf.sub(wide, tf.sub(wide, x));
}

/** The impressions with the empty news as one more candidate of each, not clicked (defect F3). */
export function withEmptyCandidate(impressions: Impressions): Impressions {
  const { count, candidates, labels } = impressions;
  const values = new Int32Array(candidates.values.length + count);
  const marks = labels && new Uint8Array(values.length);
  const offsets = candidates.offsets.map((offset, r) => offset + r);
  for (let r = 0; r < count; r++) {
    const [from, to] = [candidates.offsets[r]!, candidates.offsets[r + 1]!];
    values.set(candidates.values.subarray(from, to), offsets[r]);
    if (labels) marks!.set(labels.subarray(from, to), offsets[r]);
  }
  return { ...impressions, candidates: { offsets, values }, ...(marks && { labels: marks }) };
}
