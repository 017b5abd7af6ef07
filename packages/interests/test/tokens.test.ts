import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interestLookups, interestTable, interestTokens, shareOfTokens } from '../src/index.ts';

describe('shareOfTokens', () => {
  it('rounds up and gives at least 1', () => {
    expect(shareOfTokens(3170, 0.5)).toBe(1585);
    expect(shareOfTokens(3170, 0.02)).toBe(64);
    expect(shareOfTokens(3170, 0.1)).toBe(317);
    expect(shareOfTokens(893_950, 0.02)).toBe(17_879);
    expect(shareOfTokens(3, 0.01)).toBe(1);
    expect(() => shareOfTokens(3, 0)).toThrow(/ratio positive, got 3 and 0/);
  });
});

describe('interestLookups and interestTable', () => {
  it('shift interests by one, so that 0 is free for padding and missing modalities', () => {
    const [text, image] = interestLookups(Int32Array.of(2, 0, 1, -1, 2, 2), 3);
    expect([...text!]).toEqual([0, 3, 1, 2]);
    expect([...image!]).toEqual([0, 0, 3, 3]);
    const interests = {
      count: 2,
      width: 2,
      centres: Float32Array.of(1, 2, 3, 4),
      assignment: Int32Array.of(0, 1),
    };
    expect([...interestTable(interests)]).toEqual([0, 0, 1, 2, 3, 4]);
    expect([...interestTable(interests, 4)]).toEqual([0, 0, 1, 2, 3, 4, 0, 0]);
    expect(() => interestTable(interests, 2)).toThrow(/at least K\+1=3, got 2/);
    expect(() => interestLookups(Int32Array.of(1, 2, 3), 2)).toThrow(/3 tokens for N=2/);
  });
});

// Items 1..4. Text interests 3 1 3 2, image interests 3 0 5 0 (items 2 and 4 have no picture).
const text = Int32Array.of(0, 3, 1, 3, 2);
const image = Int32Array.of(0, 3, 0, 5, 0);
// [1 2 3] and [4] padded.
const history = Int32Array.of(1, 2, 3, 4, 0, 0);

describe('interestTokens', () => {
  it('sorts, removes repeats, and leaves out padding and missing modalities', () => {
    const { ids, mask, Q, longest } = interestTokens(history, 2, 3, [text, image], { multiple: 2 });
    expect({ Q, longest }).toEqual({ Q: 4, longest: 3 });
    expect([...ids]).toEqual([1, 3, 5, 0, 2, 0, 0, 0]);
    expect([...mask]).toEqual([1, 1, 1, 0, 1, 0, 0, 0]);
  });

  it('keeps id 0 in front, masked, as the released code does', () => {
    const kept = interestTokens(history, 2, 3, [text, image], { zero: 'keep', multiple: 4 });
    expect(kept.longest).toBe(4);
    expect([...kept.ids]).toEqual([0, 1, 3, 5, 0, 2, 0, 0]);
    expect([...kept.mask]).toEqual([0, 1, 1, 1, 0, 1, 0, 0]);
  });

  it('gives a sequence without any interest one valid zero slot', () => {
    const { ids, mask } = interestTokens(Int32Array.of(0, 0, 2, 0), 2, 2, [image], { multiple: 2 });
    expect([...ids]).toEqual([0, 0, 0, 0]);
    expect([...mask]).toEqual([1, 0, 1, 0]);
  });

  it('reads each modality from its own history', () => {
    const dropped = Int32Array.of(1, 3, 0);
    const { ids } = interestTokens([dropped, Int32Array.of(1, 2, 3)], 1, 3, [text, image], { multiple: 1 });
    expect([...ids]).toEqual([3, 5]);
  });

  it('rounds Q up to multiples of 8', () => {
    expect(interestTokens(history, 2, 3, [text, image]).Q).toBe(8);
  });

  it('equals the set of the looked-up ids, whatever the order of the history', () => {
    const item = fc.integer({ min: 0, max: 12 });
    const lookup = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 13, maxLength: 13 });
    fc.assert(
      fc.property(
        fc.array(fc.array(item, { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 6 }),
        lookup,
        lookup,
        (rows, first, second) => {
          const lookups = [first, second].map((ids) => Int32Array.from([0, ...ids.slice(1)]));
          const { ids, mask, Q } = interestTokens(Int32Array.from(rows.flat()), rows.length, 5, lookups, {
            multiple: 4,
          });
          expect(Q % 4).toBe(0);
          rows.forEach((items, b) => {
            const expected = new Set(items.flatMap((i) => lookups.map((ids) => ids[i]!)));
            expected.delete(0);
            const valid = [...ids.subarray(b * Q, (b + 1) * Q)].filter((_, q) => mask[b * Q + q] === 1);
            expect(valid).toEqual(expected.size > 0 ? [...expected].sort((x, y) => x - y) : [0]);
          });
          const reversed = rows.map((items) => items.toReversed());
          expect(
            interestTokens(Int32Array.from(reversed.flat()), rows.length, 5, lookups, { multiple: 4 }),
          ).toEqual(interestTokens(Int32Array.from(rows.flat()), rows.length, 5, lookups, { multiple: 4 }));
        },
      ),
    );
  });

  it('refuses wrong lengths and unknown items', () => {
    expect(() => interestTokens(history, 2, 4, [text])).toThrow(/B\*L=8 items.*got 6/);
    expect(() => interestTokens([history], 2, 3, [text, image])).toThrow(/per lookup table \(2\)/);
    expect(() => interestTokens(Int32Array.of(1, 9), 2, 1, [text])).toThrow(
      /item must be in 0..4, got 9 in row 1/,
    );
    expect(() => interestTokens(history, 2, 3, [])).toThrow(/at least one lookup table/);
    expect(() => interestTokens(history, 2, 3, [text], { multiple: 0 })).toThrow(/multiple .* got 0/);
  });
});
