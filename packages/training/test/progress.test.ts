import { describe, expect, it } from 'vitest';
import {
  createDisplay,
  differences,
  formatCount,
  formatProgress,
  formatSeconds,
  toYaml,
} from '../src/index.ts';
import { median } from '../src/records.ts';

const progress = {
  step: 123,
  epoch: 3,
  epochs: 300,
  batch: 11,
  batches: 22,
  loss: 6.12345,
  examplesPerSecond: 12345.6,
  secondsLeft: 754,
};
const shown = 'step 00123 | epoch 3/300 (50%) | loss 6.1235 | 12,346 seq/s | at most 12m34s left';

/** Collects what is written. */
function screen(
  isTTY: boolean,
  columns?: number,
): { write(text: string): void; text: string; isTTY: boolean; columns?: number } {
  return {
    text: '',
    isTTY,
    columns,
    write(text) {
      this.text += text;
    },
  };
}

describe('median', () => {
  it('is the middle value, the mean of the two middle ones, or 0 of none', () => {
    expect([median([9, 1, 5]), median([9, 1, 5, 2]), median([])]).toEqual([5, 3.5, 0]);
  });
});

describe('formats', () => {
  it('shows durations', () => {
    const cases: [number, string][] = [
      [0, '0.0s'],
      [7.25, '7.3s'],
      [59.94, '59.9s'],
      [59.96, '1m00s'],
      [3599.4, '59m59s'],
      [3599.6, '1h00m'],
      [7380, '2h03m'],
      [Infinity, '?'],
    ];
    for (const [seconds, text] of cases) expect(formatSeconds(seconds)).toBe(text);
  });

  it('separates thousands', () => {
    expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567']);
  });

  it('shows progress', () => {
    expect(formatProgress(progress)).toBe(shown);
    expect(formatProgress({ ...progress, counted: 'triples' })).toContain('| 12,346 triples/s |');
  });
});

describe('createDisplay', () => {
  it('redraws one line on a terminal, not more often than every 100 ms', () => {
    const output = screen(true, 120);
    let now = 0;
    const display = createDisplay(output, () => now);
    display.progress(progress);
    now = 50;
    display.progress({ ...progress, step: 124 });
    now = 100;
    display.progress({ ...progress, step: 125 });
    display.line('done');
    expect(output.text).toBe(`\r\x1b[2K${shown}\r\x1b[2K${shown.replace('123', '125')}\r\x1b[2Kdone\n`);
  });

  it('never fills the last column', () => {
    const output = screen(true, 20);
    createDisplay(output, () => 0).progress(progress);
    expect(output.text).toBe(`\r\x1b[2K${shown.slice(0, 19)}`);
    const unknown = screen(true, 0);
    createDisplay(unknown, () => 0).progress(progress);
    expect(unknown.text).toBe(`\r\x1b[2K${shown.slice(0, 79)}`);
  });

  it('draws no progress elsewhere', () => {
    const output = screen(false);
    const display = createDisplay(output, () => 0);
    display.progress(progress);
    display.line('done');
    expect(output.text).toBe('done\n');
  });
});

describe('differences', () => {
  it('names every leaf that differs', () => {
    const left = { a: 1, b: { c: [1, 2], d: 'x' }, e: null };
    const right = { a: 1, b: { c: [1, 3], d: 'x', f: true }, e: {} };
    expect(differences(left, right)).toEqual([
      { path: 'b.c[1]', left: 2, right: 3 },
      { path: 'b.f', left: undefined, right: true },
      { path: 'e', left: null, right: {} },
    ]);
    expect(differences(left, structuredClone(left))).toEqual([]);
  });
});

describe('toYaml', () => {
  it('writes what YAML 1.2 readers read back', () => {
    const recipe = {
      name: 'amazon-clip',
      from: null,
      steps: [10, 50],
      words: ['yes', 'plain text', '1e3', '', 'a: b', '~', 'tab\t', '- x', 'café'],
      model: { width: 300, epsilon: 1e-12, ids: true, empty: {}, none: [], gone: undefined },
      sources: [
        { name: 'cds18', weight: 0.5 },
        { name: 'toys14', parts: [1] },
      ],
    };
    expect(toYaml(recipe)).toBe(
      `name: amazon-clip
from: null
steps: [10, 50]
words: ["yes", plain text, "1e3", "", "a: b", "~", "tab\\t", "- x", "café"]
model:
  width: 300
  epsilon: 1e-12
  ids: true
  empty: {}
  none: []
sources:
  -
    name: cds18
    weight: 0.5
  -
    name: toys14
    parts: [1]
`,
    );
  });
});
