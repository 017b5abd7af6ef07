import { tf } from '../src/tfjs.js';
import { describe, expect, it } from 'vitest';
import { compile, rowCounts } from '../src/index.ts';
import { computeIn, places } from './support/places.ts';

/** Few different numbers, so that many are equal, and what is special. */
const NUMBERS = [-2, -0, 0, 1, 1, 1, 3, Infinity, -Infinity, NaN];

function literal(scores: number[][], own: number[], from: number): number[][] {
  const count = (holds: (x: number, y: number) => boolean): number[] =>
    scores.map((row, b) => row.filter((x, c) => c >= from && holds(x, own[b]!)).length);
  return [count((x, y) => x > y), count((x, y) => x === y), count((x, y) => x < y)];
}

describe.each(places)('rowCounts on %s', (name) => {
  it.each([
    [3, 1, 0],
    [5, 7, 0],
    [4, 64, 0],
    [2, 37, 5],
    [1, 8, 7],
    [200, 1030, 6],
  ])('B %i, C %i, from %i: as one counts by hand', async (B, C, from) => {
    await computeIn(name);
    let state = B + C;
    const draw = (): number => NUMBERS[(state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % 10]!;
    const scores = Array.from({ length: B }, () => Array.from({ length: C }, draw));
    const own = Array.from({ length: B }, draw);
    const plain = (x: tf.Tensor2D, y: tf.Tensor2D, first: tf.Scalar) => ({
      all: rowCounts(x, y),
      later: rowCounts(x, y, first),
      // What comes after the kernel sees what came before it.
      more: tf.add(rowCounts(tf.mul(x, 2), tf.mul(y, 2)), 1),
    });
    const { all, later, more } = (name === 'cpu' ? plain : compile(plain))(
      tf.tensor2d(scores),
      tf.tensor2d(own, [B, 1]),
      tf.scalar(from, 'int32'),
    );
    expect(all.arraySync()).toEqual(literal(scores, own, 0));
    expect(later.arraySync()).toEqual(literal(scores, own, from));
    expect(more.arraySync()).toEqual(literal(scores, own, 0).map((row) => row.map((n) => n + 1)));
  });
});
