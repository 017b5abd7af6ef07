/** How a model is compared with its twin in PyTorch: scores, loss and gradients of one step, then the ranking. */
import { readFileSync } from 'node:fs';
import { compile, tf } from '@ferry/engine';
import { paddingMask } from '@ferry/nn';
import { expect } from 'vitest';
import { fill } from '../../nn/test/helpers.ts';
import type { Impressions } from '../src/mind/types.ts';
import { softmaxObjective } from '../src/objectives.ts';
import { createNewsScorer } from '../src/ranking.ts';
import type { NewsRecommender } from '../src/recommender.ts';
import { type StepInputs, stepInputs, stepScores } from '../src/step.ts';
import { tokenTable, type TokenTable } from '../src/words/tokens.ts';
import { type Vocabulary, vocabularyOf } from '../src/words/vocabulary.ts';

/** Some numbers of a tensor, and its length. */
interface Sampled {
  length: number;
  values: number[];
}

/** What a twin found. */
export interface TwinCase {
  scores: number[];
  loss: number;
  gradients: Record<string, Sampled>;
}

/** Impressions of a twin's file. */
export interface TwinImpressions {
  titles: number[][];
  histories: number[][];
  candidates: number[][];
}

/** What a twin's file holds. */
export interface TwinFixture<C extends TwinCase> extends TwinImpressions {
  words: number;
  cases: C[];
}

/** A twin's file. */
export const readTwin = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8'));

/** The first weights of nrms_twin.py. */
function first(name: string, shape: readonly number[]): Float32Array {
  const fan = shape[0]! + (shape[1] ?? 0);
  const factor = name.endsWith('query')
    ? 4
    : name.endsWith('bias')
      ? 0.5
      : name === 'words.weight'
        ? 2
        : 3 * Math.sqrt(6 / fan);
  return fill(name, shape).map((value) => value * factor);
}

/** Gives every weight the twin's; those of encoders come from files. */
export function setTwinWeights(own: NewsRecommender): void {
  for (const [name, variable] of own.weights()) {
    if (/^encoders\.\w+\.weights\./.test(name)) continue;
    tf.tidy(() => {
      variable.assign(tf.tensor(first(name, variable.shape), variable.shape));
    });
  }
}

/** Words of a fixture: 1 is unknown, the others have a number each. */
export const twinVocabulary = ({ words }: { words: number }): Vocabulary =>
  vocabularyOf(Array.from({ length: words - 2 }, (_, i) => `w${i + 2}`));

/** Texts of a fixture. */
export const twinTexts = (texts: number[][], vocabulary: Vocabulary, longest: number): TokenTable =>
  tokenTable(
    texts.map((own) => own.map((word) => (word === 1 ? 'unknown' : `w${word}`))),
    vocabulary,
    longest,
  );

/** Impressions with these histories and candidates; the first candidate was clicked. */
function impressionsOf({ histories, candidates }: TwinImpressions): Impressions {
  const ends = (lists: number[][]): number[] => lists.map((_, i) => lists.slice(0, i + 1).flat().length);
  const shown = candidates.map((own) => own.filter((news) => news > 0));
  const count = histories.length;
  return {
    source: 'fixture',
    count,
    ids: Float64Array.from({ length: count }, (_, r) => r),
    users: Int32Array.from({ length: count }, (_, r) => r),
    times: new Float64Array(count),
    history: Int32Array.from(histories.flat()),
    historyStarts: Int32Array.from([0, ...ends(histories).slice(0, -1)]),
    historyEnds: Int32Array.from(ends(histories)),
    candidates: { offsets: Int32Array.from([0, ...ends(shown)]), values: Int32Array.from(shown.flat()) },
  };
}

/** Compares with the largest number expected, or with `least` where that is more. */
function close(got: ArrayLike<number>, want: readonly number[], what: string, least = 0): void {
  const largest = Math.max(...want.map(Math.abs), least);
  const worst = Math.max(...want.map((x, i) => Math.abs(x - got[i]!)));
  expect(worst / largest, what).toBeLessThan(1e-4);
}

/** Compares a model that has the twin's weights with what the twin found. */
export async function compareWithTwin(
  own: NewsRecommender,
  fixture: TwinImpressions,
  wanted: TwinCase,
): Promise<void> {
  const variables = own.trained();
  expect([...variables.keys()].sort()).toEqual(Object.keys(wanted.gradients).sort());
  const shown = impressionsOf(fixture);
  const samples = {
    columns: 5,
    impressions: Int32Array.from(fixture.histories.keys()),
    candidates: Int32Array.from(fixture.candidates.flat()),
    labels: Uint8Array.from(fixture.candidates.flatMap((some) => some.map((_, c) => (c === 0 ? 1 : 0)))),
  };
  const objective = softmaxObjective.create(softmaxObjective.options.parse({}) as object);
  const run = compile(
    (inputs: StepInputs) => {
      const step = { p: own.parameters, options: own.options, training: true };
      const kept: tf.Tensor[] = [];
      const { value, grads } = tf.variableGrads(() => {
        const scores = stepScores(own, step, inputs);
        kept.push(tf.keep(tf.clone(scores)));
        return objective.loss(scores, inputs.labels, paddingMask(inputs.candidates) as tf.Tensor2D);
      }, [...variables.values()]);
      return { scores: kept[0]!, value, grads };
    },
    { name: 'parity' },
  );
  const { inputs } = stepInputs(own, shown, samples, new Int32Array(fixture.titles.length));
  const { scores, value, grads } = run(inputs);
  close(scores.dataSync(), wanted.scores, 'scores');
  expect(value.dataSync()[0]).toBeCloseTo(wanted.loss, 4);
  // Where a gradient is a small difference of large numbers, float32 cannot be nearer than these allow.
  const largest = Math.max(...Object.values(wanted.gradients).flatMap(({ values }) => values.map(Math.abs)));
  const longest = Math.max(...Object.values(wanted.gradients).map(({ length }) => length));
  for (const [name, variable] of variables) {
    const all = grads[variable.name]!.dataSync();
    const { length, values } = wanted.gradients[name]!;
    const every = Math.max(1, all.length / values.length);
    const chosen = values.map((_, i) => all[Math.floor(i * every)]!);
    close(chosen, values, name, 5e-3 * largest);
    let squares = 0;
    for (const x of all) squares += x * x;
    close([Math.sqrt(squares)], [length], `length of ${name}`, 5e-3 * longest);
  }
  // The ranking gives the same scores, of the candidates that there are.
  const scorer = createNewsScorer(own, { batchSize: 2 });
  const ranked = await scorer.score(shown);
  const there = wanted.scores.filter((_, i) => fixture.candidates.flat()[i]! > 0);
  close(ranked, there, 'ranking');
  scorer.dispose();
  run.dispose();
  own.dispose();
}
