import { readFileSync } from 'node:fs';
import { compile, selectBackend, tf } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { paddingMask } from '@ferry/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { fill } from '../../nn/test/helpers.ts';
import {
  clickObjective,
  createNewsRecommender,
  createNewsScorer,
  recTransformer,
  type Impressions,
  type NewsOptions,
  type NewsRecommender,
} from '../src/index.ts';
import { disposeStep, type StepInputs, stepInputs, stepScores } from '../src/step.ts';
import { contractOf } from './contract.ts';
import { worldFeatures } from './world.ts';

interface Case {
  defects: string[];
  training: boolean;
  scores: number[];
  loss: number;
  gradients: Record<string, number[]>;
}

const fixture = JSON.parse(
  readFileSync(new URL('fixtures/recTransformer.json', import.meta.url), 'utf8'),
) as {
  histories: number[][];
  candidates: number[];
  labels: number[];
  missing: number[];
  cases: Case[];
};
const [N, D] = [8, 16];

function vectors(modality: Modality): FeatureMatrix {
  const data = fill(modality === 'text' ? 'text vectors' : 'picture vectors', [N + 1, D]).slice(D);
  const present = new Uint8Array(N).fill(1);
  if (modality === 'image')
    for (const news of fixture.missing) {
      present[news - 1] = 0;
      data.fill(0, (news - 1) * D, news * D);
    }
  return { modality, encoder: 'fixture', count: N, width: D, data, present };
}

function impressions(): Impressions {
  const { histories, candidates, labels } = fixture;
  const ends = histories.map((_, i) => histories.slice(0, i + 1).flat().length);
  const count = histories.length;
  return {
    source: 'fixture',
    count,
    ids: Float64Array.from({ length: count }, (_, r) => r),
    users: Int32Array.from({ length: count }, (_, r) => r),
    times: new Float64Array(count),
    history: Int32Array.from(histories.flat()),
    historyStarts: Int32Array.from([0, ...ends.slice(0, -1)]),
    historyEnds: Int32Array.from(ends),
    candidates: { offsets: Int32Array.from([0, 1, 2, 3, 4]), values: Int32Array.from(candidates) },
    labels: Uint8Array.from(labels),
  };
}

const sizes = { width: D, heads: 4, feedForward: 24, layers: 2, headWidths: [8, 4], history: 5, dropout: 0 };

function recommender(defects: readonly string[]): NewsRecommender {
  const options = recTransformer.options.parse({ ...sizes, adapted: false, defects }) as NewsOptions;
  const features = { text: vectors('text'), image: vectors('image') };
  const made = createNewsRecommender(recTransformer, { options, catalogue: { count: N, features }, seed: 1 });
  for (const [name, variable] of made.weights())
    tf.tidy(() => {
      variable.assign(tf.tensor(fill(name, variable.shape), variable.shape));
    });
  return made;
}

const samples = {
  columns: 1,
  impressions: Int32Array.from(fixture.histories.keys()),
  candidates: Int32Array.from(fixture.candidates),
  labels: Uint8Array.from(fixture.labels),
};

function close(got: ArrayLike<number>, want: readonly number[], what: string, least = 0): void {
  const largest = Math.max(...want.map(Math.abs), least);
  expect(Math.max(...want.map((x, i) => Math.abs(x - got[i]!))) / largest, what).toBeLessThan(1e-4);
}

describe.each(['ort', 'cpu'])('RecTransformer equals its PyTorch twin on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend as 'cpu');
  });

  it.each(fixture.cases.filter(({ training }) => training))('in training, $defects', (wanted) => {
    const own = recommender(wanted.defects);
    const variables = own.weights();
    expect([...variables.keys()].sort()).toEqual(Object.keys(wanted.gradients).sort());
    const objective = clickObjective.create({ clickWeight: 25 });
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
    const { inputs } = stepInputs(own, impressions(), samples, new Int32Array(N + 1));
    const { scores, value, grads } = run(inputs);
    close(scores.dataSync(), wanted.scores, 'scores');
    close(value.dataSync(), [wanted.loss], 'loss');
    const largest = Math.max(...Object.values(wanted.gradients).flat().map(Math.abs));
    for (const [name, variable] of variables) {
      const all = grads[variable.name]!.dataSync();
      const every = Math.max(1, Math.floor(all.length / 16));
      close(
        all.filter((_, i) => i % every === 0),
        wanted.gradients[name]!,
        name,
        5e-3 * largest,
      );
    }
    disposeStep(inputs);
    run.dispose();
    own.dispose();
  });

  it.each(fixture.cases.filter(({ training }) => !training))('in ranking, $defects', async (wanted) => {
    const own = recommender(wanted.defects);
    const scorer = createNewsScorer(own, { batchSize: 3 });
    close(await scorer.score(impressions()), wanted.scores, 'ranking');
    scorer.dispose();
    own.dispose();
  });
});

contractOf(recTransformer, {
  settings: { ...sizes, layers: 1, history: 8, fusion: 'concat' },
  features: { text: worldFeatures('text'), image: worldFeatures('image', (number) => number % 3 === 0) },
  objective: { clickWeight: 5 },
  epochs: 3,
  learningRate: 0.005,
  reaches: 0.75,
});
