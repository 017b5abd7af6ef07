import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeDirectory, placeProblem } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-directories-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('makeDirectory', () => {
  it('makes what is missing, and is content with what is there', () => {
    const deep = join(folder, 'a', 'b', 'c');
    makeDirectory(deep);
    makeDirectory(deep);
    expect(existsSync(deep)).toBe(true);
    symlinkSync(deep, join(folder, 'link'));
    makeDirectory(join(folder, 'link', 'd'));
    expect(readdirSync(deep)).toEqual(['d']);
  });

  it('leaves nothing behind where it fails: in a file, behind a link to nothing, with too long a name', () => {
    writeFileSync(join(folder, 'file'), '');
    symlinkSync(join(folder, 'nowhere'), join(folder, 'broken'));
    for (const path of ['file', 'file/x', 'broken', 'broken/x', `new/${'n'.repeat(300)}/x`])
      expect(() => {
        makeDirectory(join(folder, path));
      }).toThrow(/EEXIST|ENOTDIR|ENOENT|ENAMETOOLONG/);
    expect(existsSync(join(folder, 'new'))).toBe(false);
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });

  // Where Node's own never returns.
  it.runIf(existsSync('/proc/self'))('returns where a file system takes no directories', () => {
    for (const path of ['/proc/ferry', '/proc/ferry/run', '/proc/self/ferry'])
      expect(() => {
        makeDirectory(path);
      }).toThrow(/ENOENT|EACCES|EPERM/);
  });
});

describe('placeProblem', () => {
  it('finds none where a directory can be made, and leaves no trace of having tried', () => {
    mkdirSync(join(folder, 'place', 'own'), { recursive: true });
    for (const path of ['place', 'place/own', 'place/x', 'place/x/y/z'])
      expect(placeProblem(join(folder, path))).toBeUndefined();
    expect(readdirSync(join(folder, 'place'))).toEqual(['own']);
    expect(readdirSync(join(folder, 'place', 'own'))).toEqual([]);
  });

  it('says what is in the way', () => {
    writeFileSync(join(folder, 'text'), '');
    symlinkSync(join(folder, 'unmounted'), join(folder, 'away'));
    expect(placeProblem(join(folder, 'text'))).toBe(`${join(folder, 'text')} is a file`);
    expect(placeProblem(join(folder, 'text', 'x', 'y'))).toBe(`${join(folder, 'text')} is a file`);
    expect(placeProblem(join(folder, 'away', 'x'))).toMatch(/away is a link to what is not there$/);
    expect(placeProblem(join(folder, 'new', 'n'.repeat(300)))).toBe('its name is too long');
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  it.runIf(existsSync('/proc/self'))(
    'tries, so that file systems that refuse whatever their bits say are found',
    () => {
      for (const path of ['/proc/ferry', '/proc/ferry/run', '/proc/self', '/proc'])
        expect(placeProblem(path)).toMatch(
          /^the file system of \/proc.* takes no new directories$|^no permission/,
        );
    },
  );
});
