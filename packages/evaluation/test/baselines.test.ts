import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { batches, readDomain, type Batch, type Domain, type Rows } from '@ferry/data';
import { selectBackend, tf } from '@ferry/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  baselineScores,
  contentNeighbours,
  evaluateRanking,
  groupMetrics,
  historyCounts,
  itemCosine,
  markov,
  popularity,
  rangeGroups,
  type Baseline,
  type ItemFeature,
} from '../src/index.ts';
import { writeGenerated } from '../../data/test/generated.ts';
import { rowsOf } from './helpers.ts';

beforeAll(async () => {
  await selectBackend('ort');
});

function scoresOf(baseline: Baseline, history: number[], count: number): number[] {
  const scores = new Float64Array(count + 1);
  baseline(Int32Array.from(history), scores);
  return [...scores];
}

describe('baselines by hand', () => {
  const rows = rowsOf([
    [[1, 2, 3], 4],
    [[1, 2, 2], 4],
    [[3, 1], 4],
  ]);

  it('popularity counts interactions', () => {
    expect(scoresOf(popularity(rows, 4), [1], 4)).toEqual([0, 3, 3, 2, 0]);
  });

  it('the Markov chain counts what followed, and orders the rest by popularity', () => {
    const found = scoresOf(markov(rows, 4), [3, 2], 4);
    // After 2 came 3 once and 2 once.
    [0, 3e-6, 1 + 3e-6, 1 + 2e-6, 0].forEach((score, item) => {
      expect(found[item]).toBeCloseTo(score, 12);
    });
  });

  it('item CF sums cosines over the history', () => {
    // Users of 1 and 2: two; of 1 and 3: two; of 2 and 3: one. Interactions 3, 3, 2.
    const found = scoresOf(itemCosine(rows, 4), [1, 2], 4);
    expect(found[1]).toBeCloseTo(2 / 3 + 3e-6, 12);
    expect(found[2]).toBeCloseTo(2 / 3 + 3e-6, 12);
    expect(found[3]).toBeCloseTo((2 + 1) / Math.sqrt(6) + 2e-6, 12);
    expect(found[4]).toBe(0);
  });

  it('content neighbours look at the last item or at all, and at features both items have', async () => {
    const feature: ItemFeature = {
      width: 2,
      data: Float32Array.of(3, 4, 0, 2, 4, -3, 5, 5, 6, 8),
      present: [1, 1, 1, 0, 1],
    };
    const [batch] = batches(rowsOf([[[2, 1], 3]]), { size: 1, order: Int32Array.of(0), last: 'fill' });
    const last = contentNeighbours([feature], 5, 'last');
    const found = await last.scores(batch!);
    expect(found[1]).toBe(-Infinity);
    [0.8, 0, 0, 1].forEach((cosine, i) => {
      expect(found[i + 2]).toBeCloseTo(cosine, 6);
    });
    const whole = contentNeighbours([feature, feature], 5, 'history');
    // Item 1 by item 2, item 2 by item 1, item 3 by both, twice each; items 1 and 5 have the same direction.
    const all = await whole.scores(batch!);
    [0.8, 0.8, -0.6, 0, 1.8].forEach((sum, i) => {
      expect(all[i + 1]).toBeCloseTo(2 * sum, 5);
    });
    last.dispose();
    whole.dispose();
    expect(() => contentNeighbours([feature], 4, 'last')).toThrow(/N=4 rows of 2 values, got 10/);
  });
});

const root = process.env['FERRY_DATA'] ?? join(import.meta.dirname, '../../../../shared/data');
const missing = ['amazon-scientific-clip', 'amazon-scientific-full'].filter(
  (name) => !existsSync(join(root, name)),
);
const found = missing.length === 0;

function clipFeature(domain: Domain, suffix: string): ItemFeature {
  const bytes = readFileSync(join(domain.directory, `Scientific.${suffix}`));
  const count = domain.items.ids.length;
  return {
    width: 512,
    data: new Float32Array(new Uint8Array(bytes).buffer),
    present: new Uint8Array(count).fill(1),
  };
}

describe(`known test results${found ? '' : ` (skipped: FERRY_DATA lacks ${missing.join(', ')})`}`, () => {
  const made = mkdtempSync(join(tmpdir(), 'ferry-evaluation-'));
  beforeAll(() => {
    writeGenerated(join(made, 'generated'));
  });
  afterAll(() => {
    rmSync(made, { recursive: true });
  });
  /** Where a data set lies: the generated one is always there. */
  const open = (name: string): Promise<Domain> => readDomain(join(name === 'generated' ? made : root, name));

  // By numpy: tools/parity/baselines.py.
  const table: Record<string, Record<string, number[]>> = {
    generated: {
      popularity: [0.24, 0.1506, 0.6425, 0.2354],
      markov: [0.4967, 0.4199, 0.725, 0.468],
      itemCosine: [0.19, 0.1009, 0.6433, 0.1961],
      text: [0.0817, 0.0395, 0.4017, 0.1073],
      image: [0.06, 0.0254, 0.41, 0.0977],
      both: [0.07, 0.0287, 0.4, 0.097],
    },
    'amazon-scientific-clip': {
      popularity: [0.0447, 0.0212, 0.163, 0.0465],
      markov: [0.11, 0.0754, 0.2102, 0.0964],
      itemCosine: [0.1251, 0.0785, 0.2478, 0.1053],
      text: [0.1096, 0.07, 0.2148, 0.0927],
      image: [0.0757, 0.0533, 0.1561, 0.0711],
      both: [0.11, 0.0719, 0.2046, 0.0926],
    },
    'amazon-scientific-full': {
      popularity: [0.0309, 0.0171, 0.0929, 0.03],
      markov: [0.0831, 0.0564, 0.1382, 0.0682],
      itemCosine: [0.0976, 0.0654, 0.1745, 0.0821],
    },
  };

  /** Histories cut to 50, as the published figures count them; Ferry's own studies count all of them. */
  const published = (rows: Rows): Rows => ({
    ...rows,
    starts: rows.starts.map((start, r) => Math.max(start, rows.ends[r]! - 50)),
  });

  function make(name: string, domain: Domain): (batch: Batch) => Float64Array | Promise<Float32Array> {
    const count = domain.items.ids.length;
    const counted = domain.directory.startsWith(made) ? domain.valid : published(domain.valid);
    if (name === 'popularity') return baselineScores(popularity(counted, count), count);
    if (name === 'markov') return baselineScores(markov(counted, count), count);
    if (name === 'itemCosine') return baselineScores(itemCosine(counted, count), count);
    const suffixes = { text: ['feat1CLS'], image: ['feat3CLS'], both: ['feat1CLS', 'feat3CLS'] }[name]!;
    return contentNeighbours(
      suffixes.map((suffix) => clipFeature(domain, suffix)),
      count,
      'last',
    ).scores;
  }

  const lines = Object.entries(table).flatMap(([name, own]) =>
    Object.keys(own).map((line) => ({ name, line, skipped: name !== 'generated' && !found })),
  );
  it.for(lines)('$name: $line', async ({ name, line, skipped }, { skip }) => {
    skip(skipped);
    const domain = await open(name);
    const count = domain.items.ids.length;
    const { metrics } = await evaluateRanking({
      rows: domain.test,
      count,
      scores: make(line, domain),
    });
    ['recall@10', 'ndcg@10', 'recall@50', 'ndcg@50'].forEach((metric, at) => {
      expect(
        Math.abs(metrics[metric]! - table[name]![line]![at]!),
        `${metric} ${metrics[metric]!}`,
      ).toBeLessThan(1e-4);
    });
  });

  it('are the same from score tensors', async () => {
    const domain = await open(found ? 'amazon-scientific-clip' : 'generated');
    const count = domain.items.ids.length;
    const rows = { rows: domain.test, count, order: Int32Array.from({ length: 300 }, (_, r) => r) };
    const scores = baselineScores(popularity(domain.valid, count), count);
    const tensors = await evaluateRanking({
      ...rows,
      scores: (batch) => tf.tensor2d(Float32Array.from(scores(batch)), [batch.size, count + 1]),
    });
    expect(tensors).toEqual(await evaluateRanking({ ...rows, scores }));
  });

  it.skipIf(!found)('fall into popularity groups of the published sizes', async () => {
    const sizes = {
      'amazon-scientific-clip': [20, 801, 745, 592, 770],
      'amazon-scientific-full': [37, 1965, 2157, 1717, 2566],
    };
    for (const [name, expected] of Object.entries(sizes)) {
      const domain = await readDomain(join(root, name));
      const counts = historyCounts(published(domain.valid), domain.items.ids.length);
      const times = domain.test.targets.map((target) => counts[target]!);
      const groups = rangeGroups(times, [0, 1, 5, 10, 20]);
      const ranks = domain.test.targets.map(() => 1);
      expect(groupMetrics(ranks, groups).map(({ rows }) => rows)).toEqual(expected);
    }
  });
});
