import { selectBackend, tf } from '@ferry/engine';
import { additiveAttention, selfAttention } from '@ferry/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createNewsScorer,
  lstur,
  naml,
  nrms,
  recTransformer,
  userStates,
  type AnyNewsModel,
  type LsturParameters,
  type NewsRecommender,
  type NrmsParameters,
} from '../src/index.ts';
import { worldRecommender } from './contract.ts';
import { N, worldFeatures } from './world.ts';

const H = 5;
const small = { wordWidth: 12, queryWidth: 5, history: H };
const heads = { heads: 2, headWidth: 6 };
const clicks = Array.from({ length: 14 }, (_, at) => 1 + ((at * 17) % 100));

beforeAll(async () => {
  await selectBackend('ort');
});

/** A state click by click beside the whole computation; a user of the training's, or nobody's. */
async function beside(
  own: NewsRecommender,
  user: number,
  seen: (step: { at: number; state: Float32Array; whole: Float32Array; exact: boolean }) => void,
): Promise<void> {
  const scorer = createNewsScorer(own);
  const vectors = await scorer.encode(Int32Array.from({ length: N }, (_, at) => at + 1));
  const state = userStates(own)!(user);
  for (let at = 0; at <= clicks.length; at++) {
    const whole = await scorer.users(
      [Int32Array.from(clicks.slice(Math.max(0, at - H), at))],
      vectors,
      Int32Array.of(user),
    );
    seen({ at, state: state.vector(), whole, exact: state.exact });
    if (at === clicks.length) break;
    const row = vectors.rows[clicks[at]!]! * vectors.width;
    state.click(vectors.data.subarray(row, row + vectors.width));
  }
  scorer.dispose();
  own.dispose();
}

/** ‖a - b‖ / ‖b‖, 0 for equal vectors. */
function drift(a: Float32Array, b: Float32Array): number {
  const apart = Math.hypot(...a.map((value, k) => value - b[k]!));
  return apart === 0 ? 0 : apart / Math.hypot(...b);
}

/** Gives users vectors of their own, which begin at zero. */
function people(own: NewsRecommender): NewsRecommender {
  const { weight } = (own.parameters as unknown as LsturParameters).people;
  tf.tidy(() => {
    weight.assign(tf.randomUniform(weight.shape, -1, 1, 'float32', 5));
  });
  return own;
}

const exactWays: [string, AnyNewsModel, object][] = [
  ['additive attention', nrms, { ...small, ...heads, userEncoder: 'additive' }],
  [
    'additive attention, a vector for nobody',
    nrms,
    { ...small, ...heads, userEncoder: 'additive', emptyHistory: 'learned' },
  ],
  ['NAML', naml, { ...small, filters: 12, labelWidth: 4 }],
  ['LSTUR, ini', lstur, { ...small, filters: 10, labelWidth: 4 }],
  ['LSTUR, con', lstur, { ...small, filters: 10, labelWidth: 4, userJoin: 'con' }],
  [
    'LSTUR, con, projected',
    lstur,
    { ...small, filters: 10, labelWidth: 4, userJoin: 'con', conProjected: true },
  ],
];

describe('a vector of a user that follows the clicks', () => {
  it.each(exactWays)('is the whole computation as long as it says so: %s', async (_, model, settings) => {
    for (const user of [3, -1]) {
      const fresh = await worldRecommender(model, { settings });
      const own = model === lstur ? people(fresh) : fresh;
      let exact = 0;
      await beside(own, user, ({ at, state, whole, exact: says }) => {
        if (says) {
          exact++;
          expect(drift(state, whole), `after ${at} clicks`).toBeLessThan(1e-5);
        } else {
          expect(at).toBeGreaterThan(H);
          expect(drift(state, whole), `after ${at} clicks`).toBeGreaterThan(1e-5);
        }
      });
      expect(exact).toBe(model === lstur ? H + 1 : clicks.length + 1);
    }
  });

  it.each([false, true])(
    'takes clicks that attend to one another as each came, projected: %s',
    async (projected) => {
      const own = await worldRecommender(nrms, { settings: { ...small, ...heads, projected, history: 50 } });
      const { user } = own.parameters as unknown as NrmsParameters;
      const scorer = createNewsScorer(own);
      const vectors = await scorer.encode(Int32Array.from({ length: N }, (_, at) => at + 1));
      const state = userStates(own)!();
      for (let at = 1; at <= 6; at++) {
        const row = vectors.rows[clicks[at - 1]!]! * vectors.width;
        state.click(vectors.data.subarray(row, row + vectors.width));
        expect(state.exact).toBe(at < 2);
        // Each click by attention over the clicks up to it, then additive attention over all of them.
        const wanted = tf.tidy(() => {
          const news = clicks.slice(0, at).map((number) => {
            const from = vectors.rows[number]! * vectors.width;
            return [...vectors.data.subarray(from, from + vectors.width)];
          });
          const terms = news.map((_, t) => {
            const read = selfAttention(user.attention!, tf.tensor3d([news.slice(0, t + 1)]), { heads: 2 });
            return tf.slice(read, [0, t, 0], [1, 1, -1]);
          });
          return additiveAttention(user.pooling, tf.concat(terms, 1)).output.dataSync() as Float32Array;
        });
        expect(drift(state.vector(), wanted)).toBeLessThan(1e-5);
      }
      scorer.dispose();
      own.dispose();
    },
  );

  it('drifts from the whole computation where clicks attend to one another, and says so', async () => {
    const own = await worldRecommender(nrms, { settings: { ...small, ...heads } });
    const drifts: number[] = [];
    await beside(own, -1, ({ at, state, whole, exact }) => {
      expect(exact).toBe(at < 2);
      if (at < 2) expect(drift(state, whole)).toBeLessThan(1e-5);
      else drifts.push(drift(state, whole));
    });
    expect(Math.min(...drifts)).toBeGreaterThan(1e-5);
    expect(Math.max(...drifts)).toBeLessThan(1);
  });

  it('is none of a model without vectors of users, or with a defect in what is read', async () => {
    const features = { text: worldFeatures('text') };
    const ranker = await worldRecommender(recTransformer, {
      settings: { width: 8, heads: 2, layers: 1 },
      features,
    });
    const defect = await worldRecommender(nrms, {
      settings: { ...small, ...heads, defects: ['oldest-history'] },
    });
    expect([userStates(ranker), userStates(defect)]).toEqual([undefined, undefined]);
    ranker.dispose();
    defect.dispose();
  });
});
