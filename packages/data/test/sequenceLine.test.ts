import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from '../src/idTable.ts';
import { SequenceLine } from '../src/sequenceLine.ts';

describe('lines of sequences.jsonl', () => {
  const ids = ['a', 'b c', '12', '0', 'é', 'x"y', '\\', '-3', '\u2028'];
  const usual = ['"a"', '"b c"', '12', '"12"', '0', '"é"', '"\u2028"', '"-3"'];
  const odd = [
    '-3',
    '"\\u0061"',
    '"x\\"y"',
    '"\\\\"',
    '"z"',
    '1.0',
    '12.5',
    '1e1',
    '012',
    'null',
    '""',
    '" "',
    '[1]',
    '"a',
  ];
  const mostly = (common: readonly string[], rare: readonly string[]) =>
    fc.oneof({ weight: 19, arbitrary: fc.constantFrom(...common) }, fc.constantFrom(...rare));
  const entry = mostly(usual, [...odd, '123456789012345678']);
  const time = mostly(
    ['1', '0', '20', '1600000000000'],
    ['-1', '1.5', '1e3', '00', '""', '1234567890123456'],
  );
  const blank = fc.constantFrom('', ' ', '\t', '  ');
  const list = (of: fc.Arbitrary<string>, length: number) =>
    fc
      .tuple(fc.array(of, { minLength: length, maxLength: length }), blank)
      .map(([parts, gap]) => `[${gap}${parts.join(`${gap},${gap}`)}${gap}]`);
  const rare = fc.constantFrom(
    '"rating":[1]',
    '"items":"a"',
    '"ts":null',
    '"us\\u0065r":"a"',
    'x',
    '"user":0',
    '"items":[12]',
    '"ts":[5]',
  );
  const line = fc
    .record({
      user: entry,
      length: fc.nat(3),
      more: fc.constantFrom(0, 0, 0, 0, 1),
      extra: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, rare),
      rest: mostly([''], [',', '}', ' x', '{}']),
      gap: blank,
      timed: fc.boolean(),
      turn: fc.nat(3),
    })
    .chain((drawn) =>
      fc.tuple(fc.constant(drawn), list(entry, drawn.length), list(time, drawn.length + drawn.more)),
    )
    .map(([{ user, extra, rest, gap, timed, turn }, items, times]) => {
      const members = [
        `"user"${gap}:${user}`,
        `"items":${gap}${items}`,
        ...(timed ? [`"ts": ${times}`] : []),
      ];
      const turned = [...members.slice(turn), ...members.slice(0, turn), ...(extra ? [extra] : [])];
      return `${gap}{${gap}${turned.join(`,${gap}`)}${gap}}${gap}${rest}`;
    });

  it('that are read without JSON.parse mean what it says', () => {
    const table = IdTable.of(ids);
    const own = new SequenceLine(table);
    let quick = 0;
    fc.assert(
      fc.property(line, (made) => {
        const bytes = Buffer.from(`##${made}##`);
        if (!own.read(bytes, 2, bytes.length - 2)) return;
        quick++;
        const value = JSON.parse(made) as { user: unknown; items: unknown[]; ts?: number[] };
        expect(bytes.toString('utf8', own.userStart, own.userEnd)).toBe(String(value.user));
        expect(own.userEnd).toBeGreaterThan(own.userStart);
        expect(Array.from(own.items.view(), (item) => ids[item - 1])).toEqual(value.items.map(String));
        expect(own.timed ? [...own.times.view()] : undefined).toEqual(value.ts);
      }),
      { numRuns: 5000 },
    );
    expect(quick).toBeGreaterThan(1000);
  });
});
