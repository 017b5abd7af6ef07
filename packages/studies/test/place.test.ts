import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkFilePlace } from '../src/jobs/place.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-place-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the place of a file', () => {
  it('may be new or hold a file, in a directory that is there', () => {
    const file = join(folder, 'lists.tsv');
    checkFilePlace(file);
    writeFileSync(file, '');
    checkFilePlace(file);
  });

  it('is no directory, and in none that is missing or a file', () => {
    mkdirSync(join(folder, 'runs'));
    writeFileSync(join(folder, 'file'), '');
    expect(() => {
      checkFilePlace(join(folder, 'runs'));
    }).toThrow(/cannot write .*runs: it is a directory/);
    for (const place of ['nowhere', 'file'])
      expect(() => {
        checkFilePlace(join(folder, place, 'x.tsv'));
      }).toThrow(/cannot write .*x\.tsv: there is no directory /);
  });
});
