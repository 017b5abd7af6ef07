/** Each defect of published code, alone, changes what the specification says it changes, and nothing else. */
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { fromBfloat16, toBfloat16 } from '@ferry/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluateImpressions, nrms, summariseImpressions, type Impressions } from '../src/index.ts';
import { roundToBfloat16, withEmptyCandidate } from '../src/defects.ts';
import { scoresOf, trainOn, worldRecommender } from './contract.ts';
import { impressionsOf } from './world.ts';

const small = { wordWidth: 16, heads: 2, headWidth: 8, queryWidth: 8, history: 4 };
const shown = impressionsOf(40, { seed: 3, history: 9 });
const few = impressionsOf(20, { seed: 4, history: 9 });

beforeAll(async () => {
  await selectBackend('ort');
});

const scores = async (defects: string[], impressions: Impressions = shown): Promise<Float32Array> => {
  const recommender = await worldRecommender(nrms, { settings: { ...small, defects } });
  const found = await scoresOf(recommender, impressions);
  recommender.dispose();
  return found;
};

/** Losses of a few steps, and the scores of untrained weights. */
const training = async (defects: string[]): Promise<number[]> => {
  const recommender = await worldRecommender(nrms, { settings: { ...small, wordDropout: 0, defects } });
  const { made, losses } = await trainOn(recommender, { training: few, epochs: 1 });
  made.dispose();
  recommender.dispose();
  return losses;
};

/** Impressions whose scores differ. */
function differing(a: Float32Array, b: Float32Array): number[] {
  return Array.from({ length: shown.count }, (_, r) => r).filter((r) => {
    const [from, to] = [shown.candidates.offsets[r]!, shown.candidates.offsets[r + 1]!];
    return a.subarray(from, to).some((score, i) => Math.abs(score - b[from + i]!) > 1e-6);
  });
}

const length = (r: number): number => shown.historyEnds[r]! - shown.historyStarts[r]!;
const all = Array.from({ length: shown.count }, (_, r) => r);

describe('a defect that is switched on', () => {
  it('oldest-history: changes users with more clicks than are read, and no others', async () => {
    const rows = differing(await scores([]), await scores(['oldest-history']));
    expect(rows).toEqual(all.filter((r) => length(r) > small.history));
  });

  it('F2 unmasked-padding: changes every user with clicks, and, once padding is trained, those without', async () => {
    const rows = differing(await scores([]), await scores(['unmasked-padding']));
    expect(rows).toEqual(all.filter((r) => length(r) > 0));
    const nobody = all.find((r) => length(r) === 0)!;
    for (const defects of [[], ['unmasked-padding']]) {
      const recommender = await worldRecommender(nrms, { settings: { ...small, defects } });
      const { made } = await trainOn(recommender, { training: few, epochs: 1 });
      const found = await scoresOf(recommender, shown);
      const own = found.subarray(shown.candidates.offsets[nobody], shown.candidates.offsets[nobody + 1]);
      expect(new Set(own).size > 1).toBe(defects.length > 0);
      made.dispose();
      recommender.dispose();
    }
  });

  it('F1 attention-across-users: changes training, and no score of the test', async () => {
    expect(differing(await scores([]), await scores(['attention-across-users']))).toEqual([]);
    const [right, wrong] = [await training([]), await training(['attention-across-users'])];
    expect(Math.abs(right[0]! - wrong[0]!)).toBeGreaterThan(1e-5);
  });

  it('F3 empty-candidate: in training the empty news stands where there are too few others', async () => {
    // Five candidates, one clicked: four others are all there, and a fifth is not.
    const losses = async (defects: string[], negatives: number): Promise<number[]> => {
      const recommender = await worldRecommender(nrms, { settings: { ...small, wordDropout: 0, defects } });
      const { made, losses: found } = await trainOn(recommender, {
        training: few,
        epochs: 1,
        objective: { negatives },
      });
      made.dispose();
      recommender.dispose();
      return found;
    };
    const [right, wrong] = [await losses([], 5), await losses(['empty-candidate'], 5)];
    expect(wrong[0]! - right[0]!).toBeGreaterThan(0.05);
    expect(await losses(['empty-candidate'], 4)).toEqual(await losses([], 4));
  });

  it('F3 empty-candidate: raises the AUC where the empty news stands last', () => {
    const last = shown.candidates.values.map(() => 1);
    const honest = evaluateImpressions(
      shown,
      Float32Array.from(last, (_, at) => shown.labels![at]! * 0.5 + (at % 3)),
    );
    const padded = withEmptyCandidate(shown);
    const added = evaluateImpressions(
      padded,
      Float32Array.from(padded.candidates.values, (news, at) => {
        const row = padded.candidates.offsets.findIndex((offset) => offset > at) - 1;
        const own = at - row;
        return news === 0 ? -1 : padded.labels![at]! * 0.5 + (own % 3);
      }),
    );
    const [a, b] = [summariseImpressions(honest).means, summariseImpressions(added).means];
    expect(b['auc']).toBeGreaterThan(a['auc']!);
    expect(b['mrr']).toBeCloseTo(a['mrr']!, 12);
  });

  it('F4 bf16-scores: changes no model; what is measured has scores of eight bits, which makes ties', async () => {
    const [right, wrong] = [await scores([]), await scores(['bf16-scores'])];
    expect(wrong).toEqual(right);
    expect(new Set(right.map((score) => fromBfloat16(toBfloat16(score)))).size).toBeLessThan(
      new Set(right).size,
    );
  });

  it.each([
    ['trained', true],
    ['frozen, and as narrow', false],
  ])('F5 bf16-weights: none but small weights move by a small step, words %s', async (_, trainWords) => {
    const settings = { ...small, trainWords, defects: ['bf16-weights'] };
    const recommender = await worldRecommender(nrms, { settings });
    const { made } = await trainOn(recommender, { training: few, epochs: 0, learningRate: 1e-6 });
    const before = new Map(
      [...recommender.weights()].map(([name, v]) => [name, v.dataSync().slice()] as const),
    );
    const root = RandomStream.fromSeed(1);
    let step = 0;
    for (const batch of made.batches(0, root.split('batches')))
      await made.trainStep(batch, { epoch: 0, step: step++, random: root.split('steps') });
    let moved = 0;
    let large = 0;
    for (const [name, variable] of recommender.weights())
      variable.dataSync().forEach((value, i) => {
        const was = before.get(name)![i]!;
        expect(value).toBe(fromBfloat16(toBfloat16(value)));
        if (value !== was) moved++;
        if (value !== was && Math.abs(was) > 2 ** -10) large++;
      });
    expect(moved).toBeGreaterThan(0);
    expect(large).toBe(0);
    made.dispose();
    recommender.dispose();
  });
});

it.each(['ort', 'cpu'])('numbers are rounded to bfloat16 on %s as they are stored in it', async (backend) => {
  await selectBackend(backend as 'cpu');
  const random = RandomStream.fromSeed(5);
  const values = Float32Array.from(
    { length: 2000 },
    () => random.normal() * 10 ** (8 * random.uniform() - 6),
  );
  const rounded = tf.tidy(() => roundToBfloat16(tf.tensor1d(values)).dataSync());
  rounded.forEach((value, i) => {
    expect(value).toBe(fromBfloat16(toBfloat16(values[i]!)));
  });
  await selectBackend('ort');
});
