import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkFilePlace, checkPlace } from '../src/jobs/place.ts';

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

describe('places that a file system refuses', () => {
  it('are neither of files nor of runs, and a device stays what it is', () => {
    expect(() => {
      checkFilePlace('/dev/null');
    }).toThrow('cannot write /dev/null: it is there already, and no plain file');
    if (!existsSync('/proc/self')) return;
    expect(() => {
      checkFilePlace('/proc/x.csv');
    }).toThrow(/^cannot write \/proc\/x\.csv: (the file system of \/proc takes no|no permission)/);
    for (const made of ['a run', 'a study', 'nothing'] as const)
      expect(() => {
        checkPlace('/proc/x/run', made);
      }).toThrow(/^out: \/proc\/x\/run cannot be made: (the file system of \/proc takes no|no permission)/);
  });
});

describe('the place of a run', () => {
  /** A directory of these files. */
  const place = (name: string, files: Record<string, string>): string => {
    mkdirSync(join(folder, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), text);
    return join(folder, name);
  };
  const mayBe = (out: string): string[] =>
    (['a run', 'a study', 'nothing'] as const).filter((made) => {
      try {
        checkPlace(out, made);
        return true;
      } catch (error) {
        expect((error as Error).message).toMatch(
          /^out: .* must be a new directory or an empty one(, or hold a (run|study))?, got one that holds .*: choose another$/,
        );
        return false;
      }
    });

  it('is new, empty, or its own, and never a domain, a study or what the user keeps there', () => {
    const all = ['a run', 'a study', 'nothing'];
    expect(mayBe(join(folder, 'new', 'er'))).toEqual(all);
    expect(mayBe(place('empty', {}))).toEqual(all);
    // What a run leaves that was killed before it wrote anything, and what desktops leave.
    expect(mayBe(place('killed', { lock: '', '.DS_Store': '' }))).toEqual(all);
    expect(mayBe(place('begun', { 'environment.json': '{}', 'recipe.yaml': 'job: train' }))).toEqual([
      'a run',
    ]);
    expect(mayBe(place('finished', { 'summary.json': '{}', 'notes.txt': '' }))).toEqual(['a run']);
    expect(mayBe(place('study', { 'recipe.yaml': 'job: study', 'results.csv': '' }))).toEqual(['a study']);
    expect(mayBe(place('domain', { 'items.jsonl': '', 'sequences.jsonl': '' }))).toEqual([]);
    expect(mayBe(place('notes', { 'recipe.yaml': 'job: train # my own', 'log.txt': 'mine' }))).toEqual([]);
    expect(mayBe(place('broken', { 'recipe.yaml': 'job: [' }))).toEqual([]);
  });

  it('is not in a file, or behind a link to nothing', () => {
    writeFileSync(join(folder, 'text'), '');
    for (const out of [join(folder, 'text'), join(folder, 'text', 'run')])
      expect(() => {
        checkPlace(out, 'a run');
      }).toThrow(/cannot be made: .*text is a file$/);
    symlinkSync(join(folder, 'unmounted'), join(folder, 'link'));
    for (const out of [join(folder, 'link'), join(folder, 'link', 'run')])
      expect(() => {
        checkPlace(out, 'a run');
      }).toThrow(/cannot be made: .*link is a link to what is not there$/);
  });
});
