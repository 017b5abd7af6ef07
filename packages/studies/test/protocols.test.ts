import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finetuneSchema, readRecipe, recipeSchema } from '@ferry/recipes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDomain } from '../src/domains.ts';
import { openForJob } from '../src/jobs/domain.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-protocols-'));
  const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const items = Array.from({ length: 10 }, (_, i) => `i${i}`);
  for (const [name, times] of [
    ['timed', true],
    ['ordered', false],
  ] as const) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'items.jsonl'), lines(items.map((id) => ({ id, title: id }))));
    const users = ['u', 'v'].map((user, n) => ({
      user,
      items,
      ...(times && { ts: items.map((_, i) => 100 * (i + 5 * n)) }),
    }));
    writeFileSync(join(folder, name, 'sequences.jsonl'), lines(users));
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('evaluation.protocol', () => {
  const rows = async (name: string, how: Parameters<typeof openDomain>[1]) => {
    const { train, valid, test, protocol } = await openDomain(join(folder, name), how);
    return [protocol, ...[train, valid, test].map(({ targets }) => targets.length)];
  };

  it('splits a domain by its name, and what files say without one', async () => {
    expect(await rows('ordered', undefined)).toEqual(['leave-one-out', 14, 2, 2]);
    const temporal = { protocol: 'temporal-by-user', split: { valid: 0.2, test: 0.3 } } as const;
    expect(await rows('ordered', temporal)).toEqual(['temporal-by-user', 8, 4, 6]);
    const random = { protocol: 'random-by-user', split: { seed: 5 } } as const;
    expect(await rows('ordered', random)).toEqual(['random-by-user', 14, 2, 2]);
    const global = { protocol: 'global-temporal', split: { validFrom: 700, testFrom: 900 } } as const;
    // u has items until 900, v from 500 on; the first item of each has nothing before it.
    expect(await rows('timed', global)).toEqual(['global-temporal', 6 + 1, 2 + 2, 1 + 6]);
  });

  it('refuses by name what a domain cannot do, and settings that a protocol does not read', async () => {
    await expect(rows('ordered', { protocol: 'global-temporal' })).rejects.toThrow(
      /evaluation\.protocol: global-temporal needs the time .* only an order in ordered/,
    );
    await expect(rows('timed', { protocol: 'files' })).rejects.toThrow(/files needs a domain whose files/);
    const evaluation = { protocol: 'temporal-by-user', split: { valid: 0, test: 0.2 } };
    const recipe = readRecipe(
      JSON.stringify({ job: 'finetune', target: 'x', features: { text: 'none', image: 'none' }, evaluation }),
      'r.yaml',
      finetuneSchema,
    );
    await expect(openForJob(join(folder, 'timed'), recipe, { rows: ['valid'] })).rejects.toThrow(
      /has no validation rows: its split \(temporal-by-user\) leaves none; see evaluation\.protocol and evaluation\.split/,
    );
    const problem = (evaluation: string, job = 'train\ntarget: x\nmodel: { name: m }'): string => {
      try {
        readRecipe(`job: ${job}\nevaluation: ${evaluation}\n`, 'r.yaml', recipeSchema);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(problem('{ protocol: leave-one-out, split: { test: 0.2 } }')).toMatch(
      /evaluation\.split\.test is not read by the protocol leave-one-out, got 0\.2/,
    );
    expect(problem('{ split: { seed: 2 } }')).toMatch(/evaluation\.protocol is not set\), got 2/);
    expect(problem('{ protocol: random-by-user, split: { seed: 2, test: 0.2 } }')).toBe('');
    expect(problem('{ negatives: { count: 99 }, metric: recall@10 }')).toBe('');
    const pretrain = 'pretrain\nsources: [x]';
    expect(problem('{ protocol: global-temporal }', pretrain)).toMatch(/must give validFrom and testFrom/);
    expect(problem('{ protocol: global-temporal, split: { validFrom: 1, testFrom: 2 } }', pretrain)).toBe('');
  });
});
