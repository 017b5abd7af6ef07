import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectDomain } from '../src/inspect.ts';
import { runRecipe } from '../src/jobs/runRecipe.ts';
import { checkData } from '../src/jobs/whatIs.ts';

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-what-'));
  const train = 'job: train\ntarget: shop\nmodel: sasrec\n';
  const files = {
    'run/recipe.yaml': train,
    'run/environment.json': '{}',
    'run/log.txt': '2026-11-29T17:09:27Z a b\n',
    'run/report.html': '<!doctype html>',
    'run/checkpoints/step-00000001/state.json': '{}',
    'run/mine.csv': 'user,item\n',
    'imported/recipe.yaml': train,
    'imported/imported.safetensors': '',
    'study/recipe.yaml': 'job: study\n',
    'shop/items.jsonl': '{"id":"a"}\n',
    'shop/sequences.jsonl': '{"user":"u","items":["a"]}\n',
    'atomic/x.inter': 'user_id:token\titem_id:token\nu\ta\n',
    's3rec/x.txt': '1 1 2 3\n',
    'news/train/behaviors.tsv': '',
    'mine.yaml': train,
    'description.yaml': 'interactions: { file: a.csv }\n',
    'page.html': '<!doctype html>',
    'a.csv': 'user,item\n',
    'notes/a.txt': '',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('what is taken for a domain', () => {
  it.each([
    ['run', /must be a domain, got a run \(ferry evaluate, compare, .* read runs\)$/],
    ['imported', /got a run /],
    ['study', /got a study /],
    ['run/report.html', /got a file of a run$/],
    ['run/log.txt', /got a file of a run$/],
    ['run/recipe.yaml', /got a file of a run$/],
    ['run/checkpoints', /got a part of a run$/],
    ['run/checkpoints/step-00000001', /got a part of a run$/],
    ['mine.yaml', /got a recipe \(ferry train makes a run of it\)$/],
    ['page.html', /got a page for a browser$/],
  ])('is refused by its name: %s', async (name, says) => {
    expect(() => {
      checkData('it', at(name));
    }).toThrow(says);
    await expect(inspectDomain(at(name))).rejects.toThrow(says);
  });

  it.each([
    'shop',
    'atomic',
    's3rec',
    's3rec/x.txt',
    'news',
    'description.yaml',
    'a.csv',
    'run/mine.csv',
    'nothing',
  ])('is left to its reader where it may be one: %s', (name) => {
    checkData(name, at(name));
  });
});

describe('what is taken for a run', () => {
  it.each([
    ['shop', /must be a run directory, got a domain \(ferry inspect reads it, and a recipe as its target\)$/],
    ['atomic', /got a domain /],
    ['news', /got impressions of news /],
    ['mine.yaml', /got a recipe \(ferry train makes a run of it\)$/],
    ['run/report.html', /got a file of a run \(name .*run\)$/],
    ['run/checkpoints/step-00000001', /got a part of a run \(name .*run\)$/],
    ['page.html', /got a page for a browser$/],
    ['a.csv', /got a file$/],
    ['notes', /got a directory of a\.txt$/],
    ['nowhere', /^no such run directory: .*nowhere$/],
  ])('is refused by its name: %s', (name, says) => {
    expect(() => runRecipe(at(name))).toThrow(says);
  });
});
