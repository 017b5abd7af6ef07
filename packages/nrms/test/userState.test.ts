import { selectBackend } from '@ferry/engine';
import { expect, it } from 'vitest';
import { createNewsScorer, createUserState, nrms, type NrmsParameters } from '../src/index.ts';
import { worldRecommender } from './contract.ts';
import { N } from './world.ts';

it('a user vector that follows the clicks equals the whole computation, click by click', async () => {
  await selectBackend('ort');
  const settings = {
    wordWidth: 12,
    heads: 2,
    headWidth: 6,
    queryWidth: 5,
    history: 5,
    userEncoder: 'additive',
  };
  const recommender = await worldRecommender(nrms, { settings });
  const scorer = createNewsScorer(recommender);
  const vectors = await scorer.encode(Int32Array.from({ length: N }, (_, at) => at + 1));
  const { user } = recommender.parameters as unknown as NrmsParameters;
  expect(user.attention).toBeUndefined();
  const state = createUserState(user.pooling, 5);
  expect([...state.vector()]).toEqual(new Array(12).fill(0));
  const clicks: number[] = [];
  for (let at = 0; at < 14; at++) {
    const news = 1 + ((at * 17) % 100);
    clicks.push(news);
    const row = vectors.rows[news]! * vectors.width;
    state.click(vectors.data.subarray(row, row + vectors.width));
    const whole = await scorer.users([Int32Array.from(clicks.slice(-5))], vectors);
    state.vector().forEach((value, k) => {
      expect(value).toBeCloseTo(whole[k]!, 5);
    });
    expect(state.clicks).toBe(Math.min(5, at + 1));
  }
  scorer.dispose();
  recommender.dispose();
});
