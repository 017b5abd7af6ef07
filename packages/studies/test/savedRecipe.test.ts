import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missRec } from '@ferry/missrec';
import { readRecipe, wholeSchema } from '@ferry/recipes';
import { differences, type JsonObject } from '@ferry/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { savedRecipe } from '../src/jobs/savedRecipe.ts';
import { startPath } from '../src/jobs/studyRuns.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-saved-'));
  for (const name of ['data/shop', 'other/shop', 'run-a', 'run-b'])
    mkdirSync(join(folder, name), { recursive: true });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const whole = (recipe: JsonObject): JsonObject =>
  JSON.parse(
    JSON.stringify(readRecipe(JSON.stringify(recipe), 'r', wholeSchema(recipe, missRec))),
  ) as JsonObject;

/** Paths at which a saved recipe differs from the present one. */
const pathsOf = (saved: JsonObject, present: JsonObject): string[] =>
  differences(savedRecipe(saved, whole(present), missRec), whole(present)).map(({ path }) => path);

describe('a saved recipe', () => {
  const finetune = (target: string, from: string | null = null): JsonObject => ({
    job: 'finetune',
    target,
    from,
  });

  it('may lack keys that came since', () => {
    expect(pathsOf(finetune('a'), finetune('a'))).toEqual([]);
    expect(pathsOf({ ...finetune('a'), seed: 3 }, finetune('a'))).toEqual(['seed']);
    expect(pathsOf({ ...finetune('a'), gone: 3 }, finetune('a'))).toContain('gone');
  });

  it('may name the same domain by another path, or one that was moved, but no other', () => {
    const [here, there] = [join(folder, 'data/shop'), join(folder, 'other/shop')];
    expect(pathsOf(finetune(`${folder}/data/../data/shop`), finetune(here))).toEqual([]);
    expect(pathsOf(finetune('/no/longer/here/shop'), finetune(here))).toEqual([]);
    expect(pathsOf(finetune(there), finetune(here))).toEqual(['target']);
    expect(pathsOf(finetune('/no/longer/here/cafe'), finetune(here))).toEqual(['target']);
    expect(pathsOf(finetune(here), finetune('/not/yet/here/shop'))).toEqual(['target']);
    const pretrain = (...sources: string[]): JsonObject => ({ job: 'pretrain', sources });
    expect(pathsOf(pretrain('/gone/shop', 'x'), pretrain(here, 'x'))).toEqual([]);
    expect(pathsOf(pretrain('x', here), pretrain(here, 'x'))).toHaveLength(2);
  });

  it('may name its start by the path it had before runs of a study were named', () => {
    const now = finetune('a', 'study:pretrain/seed-1');
    expect(pathsOf(finetune('a', 'runs/s/pretrain/seed-1'), now)).toEqual([]);
    expect(pathsOf(finetune('a', 'runs/s/pretrain/seed-11'), now)).toEqual(['from']);
    expect(pathsOf(finetune('a', null), now)).toEqual(['from']);
    const [a, b] = [join(folder, 'run-a'), join(folder, 'run-b')];
    expect(pathsOf(finetune('a', `${folder}/run-b/../run-a`), finetune('a', a))).toEqual([]);
    expect(pathsOf(finetune('a', b), finetune('a', a))).toEqual(['from']);
    const train = (warm: string): JsonObject => ({
      job: 'train',
      target: 'a',
      features: { text: 'stored' },
      model: { name: 'missrec' },
      warm,
    });
    expect(pathsOf(train(`${folder}/run-b/../run-a`), train(a))).toEqual([]);
    expect(pathsOf(train(b), train(a))).toEqual(['warm']);
    // It need not be there any more.
    expect(pathsOf(train('/gone/run-a'), train('/gone/run-a'))).toEqual([]);
  });
});

describe('startPath', () => {
  it('finds a run of the same study, wherever it lies', () => {
    const study = join(folder, 'study');
    mkdirSync(join(study, 'finetune/c/seed-1'), { recursive: true });
    writeFileSync(join(study, 'recipe.yaml'), 'job: study\n');
    writeFileSync(join(study, 'finetune/recipe.yaml'), 'job: finetune\n');
    const from = 'study:pretrain/seed-1';
    expect(startPath(from, join(study, 'finetune/c/seed-1'))).toBe(join(study, 'pretrain/seed-1'));
    renameSync(study, join(folder, 'moved'));
    expect(startPath(from, join(folder, 'moved/finetune/c/seed-1'))).toBe(
      join(folder, 'moved/pretrain/seed-1'),
    );
    expect(startPath('runs/x', 'anywhere')).toBe('runs/x');
    expect(() => startPath(from, join(folder, 'run-a'))).toThrow(/lies in no study directory/);
  });
});
