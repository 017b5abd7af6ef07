import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openRecipe, readText } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-text-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(content: string | Uint8Array): string {
  const path = join(folder, 'recipe.yaml');
  writeFileSync(path, content);
  return path;
}

describe('a file that a user named', () => {
  it('is text, with or without a byte order mark', () => {
    expect(readText(file('job: train\n# é 日本 \uFFFD\n'), 'recipe file')).toBe(
      'job: train\n# é 日本 \uFFFD\n',
    );
    expect(readText(file('\uFEFFjob: train\n'), 'recipe file')).toBe('job: train\n');
    expect(readText(file(''), 'recipe file')).toBe('');
  });

  it('is refused by its name and line where it is none', () => {
    for (const bad of [Buffer.from('job: train\ntarget: m\xEFni\n', 'latin1'), 'job: train\ntarget: \0\n'])
      for (const read of [
        (path: string) => readText(path, 'recipe file'),
        (path: string) => openRecipe(path),
      ])
        expect(() => read(file(bad))).toThrow(
          /recipe\.yaml:2: text must be UTF-8, got (byte 0xEF at column 10|a NUL byte at column 9)/,
        );
    for (const swap of [false, true]) {
      const wide = Buffer.from('\uFEFFjob: train\n', 'utf16le');
      expect(() => openRecipe(file(swap ? wide.swap16() : wide))).toThrow(
        new RegExp(`recipe\\.yaml: .* got UTF-16 \\(${swap ? 'big' : 'little'}-endian\\)`),
      );
    }
    expect(() => readText(folder, 'configuration')).toThrow(
      `${folder} must be a configuration, got a directory`,
    );
    expect(() => readText(join(folder, 'none.yaml'), 'recipe file')).toThrow(
      /no such recipe file: .*none\.yaml/,
    );
  });
});
