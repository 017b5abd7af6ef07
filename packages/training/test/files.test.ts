import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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

it('several processes replace one file, which is always whole', async () => {
  const shared = mkdtempSync(join(folder, 'shared-'));
  const path = join(shared, 'recipe.yaml');
  const script = join(shared, 'replace.ts');
  const text = (of: number): string => `${of}`.repeat(50_000);
  writeFileSync(
    script,
    `import { replaceFile } from ${JSON.stringify(new URL('../src/files.ts', import.meta.url).href)};\n` +
      'for (let i = 0; i < 40; i++) replaceFile(process.argv[2], process.argv[3].repeat(50_000));\n',
  );
  const replacing = [1, 2, 3].map((of) =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', script, path, `${of}`]).then(
      ({ stderr }) => stderr,
      (error: unknown) => String(error).slice(-300),
    ),
  );
  expect(await Promise.all(replacing)).toEqual(['', '', '']);
  expect([1, 2, 3].map(text)).toContain(readFileSync(path, 'utf8'));
  expect(readdirSync(shared).sort()).toEqual(['recipe.yaml', 'replace.ts']);
});
