import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from '../src/idTable.ts';
import { id } from './anyText.ts';

describe('IdTable', () => {
  it('is a Map', () => {
    // Few bytes and many lengths around the 16 that a slot holds.
    const key = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b', '\0'), maxLength: 20 }), id);
    fc.assert(
      fc.property(fc.array(key, { maxLength: 300 }), fc.array(key, { maxLength: 20 }), (added, asked) => {
        const table = new IdTable();
        const map = new Map<string, number>();
        for (const own of added) {
          if (!map.has(own)) map.set(own, map.size);
          expect(table.addText(own)).toBe(map.get(own));
        }
        for (const own of [...added, ...asked]) expect(table.findText(own)).toBe(map.get(own) ?? -1);
        expect(table.texts()).toEqual([...map.keys()]);
      }),
    );
  });

  it('tells ids apart whose hashes are equal', () => {
    // FNV-1a of the first is 0, and stays so for each zero byte that follows.
    const table = new IdTable();
    const bytes = Buffer.from([0xcc, 0x24, 0x31, 0xc4, 0, 0]);
    expect([4, 5, 6, 4].map((end) => table.add(bytes, 0, end))).toEqual([0, 1, 2, 0]);
  });

  it('holds many ids', () => {
    const all = Array.from({ length: 50_000 }, (_, at) => `item-${at * 7919}`);
    const table = IdTable.of(all);
    expect(table.size).toBe(50_000);
    expect(all.every((own, at) => table.findText(own) === at)).toBe(true);
    expect(table.texts()).toEqual(all);
  });
});
