import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readJson, readSummary } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-files-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

it('a JSON file of a run that was damaged is named, with what it holds', () => {
  const file = join(folder, 'summary.json');
  for (const [text, found] of [
    ['', 'an empty file'],
    ['{"best": {"checkpoint', '{\\\\"best\\\\": '],
  ] as const) {
    writeFileSync(file, text);
    const says = new RegExp(`summary\\.json is damaged: it must be JSON, got .*${found}`);
    expect(() => readJson(file)).toThrow(says);
    expect(() => readSummary(folder)).toThrow(says);
  }
  for (const text of ['null', '[]', '{"seed": 1}']) {
    writeFileSync(file, text);
    expect(() => readSummary(folder)).toThrow(/summary\.json is damaged: it must have timings, got /);
  }
  writeFileSync(file, '{"seed": 1, "timings": {}}');
  expect(readSummary(folder)).toEqual({ seed: 1, timings: {} });
});
