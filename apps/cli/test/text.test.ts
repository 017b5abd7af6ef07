import { describe, expect, it } from 'vitest';
import { RecipeError, UserError } from '@ferry/recipes';
import { describeError } from '../src/errors.ts';
import { numbers, positive } from '../src/options.ts';
import { columns, sparkline } from '../src/text.ts';

describe('options', () => {
  it('that are numbers are whole and above 0', () => {
    expect([positive('1'), positive('30')]).toEqual([1, 30]);
    for (const text of ['0', '-1', '1.5', 'ten', '']) expect(() => positive(text), text).toThrow(/above 0/);
    expect(numbers('10,5')).toEqual([10, 5]);
    for (const text of ['0,5', '5,', '1.5', 'a']) expect(() => numbers(text), text).toThrow(/at least 1/);
    expect(() => numbers('5,5')).toThrow(/twice/);
  });
});

describe('columns', () => {
  it('aligns texts to the left and numbers to the right', () => {
    expect(
      columns([
        ['users', 12],
        ['interactions', 3456],
      ]),
    ).toBe('  users            12\n  interactions  3,456');
  });
});

describe('sparkline', () => {
  it('is as high as the largest value, and a small one can still be seen', () => {
    expect(sparkline([8, 4, 0.1, 0])).toBe('█▄▁ ');
  });

  it('takes means when there are more values than characters', () => {
    expect(sparkline([8, 8, 4, 4, 2, 2], 3)).toBe('█▄▂');
  });
});

describe('describeError', () => {
  it('shows a user the message alone', () => {
    expect(describeError(new UserError('no such run'), false)).toMatch(/no such run$/);
    expect(describeError(new RecipeError('r.yaml', [{ where: 'r.yaml:1:1', message: 'm' }]), false)).toMatch(
      /r\.yaml cannot be used: 1 problem\n {2}r\.yaml:1:1 {2}m$/,
    );
  });

  it('says what makes an array too large', () => {
    for (const make of [
      () => new Float32Array(1e12),
      () => new ArrayBuffer(2 ** 52),
      () => 'x'.repeat(2 ** 30),
    ]) {
      let thrown: unknown;
      try {
        make();
      } catch (error) {
        thrown = error;
      }
      expect(describeError(thrown, false)).toMatch(
        /there is not enough memory for an array \(.*objective\.negatives/,
      );
    }
  });

  it('shows a trace only when asked, and says how to ask', () => {
    expect(describeError(new TypeError('x is not a function'), false)).toContain('--debug');
    expect(describeError(new TypeError('x'), false)).not.toContain('text.test.ts');
    expect(describeError(new UserError('x'), true)).toContain('text.test.ts');
  });
});
