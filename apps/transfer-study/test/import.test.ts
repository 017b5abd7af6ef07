import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missRec } from '@ferry/missrec';
import type { SequentialModel } from '@ferry/sequential';
import { evaluateRun, runRecipe, type JobConsole } from '@ferry/studies';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importMissRec } from '../src/index.ts';

const fixtures = join(import.meta.dirname, '../../../packages/missrec/test/fixtures');
const answer = JSON.parse(readFileSync(join(fixtures, 'released.json'), 'utf8')) as Record<
  'text' | 'image' | 'history' | 'lengths' | 'targets' | 'ranks',
  { shape: number[]; data: string }
>;
const bytes = (name: keyof typeof answer): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(answer[name].data, 'base64'));
const ints = (name: keyof typeof answer): Int32Array => new Int32Array(bytes(name).buffer);
const floats = (name: keyof typeof answer): Float32Array => new Float32Array(bytes(name).buffer);

let folder: string;
const said: string[] = [];
const models = { unnamed: 'missrec', load: () => Promise.resolve(missRec as SequentialModel) };
const console: JobConsole = { line: (text) => said.push(text), training: null, models };

/** The twin's rows as users of a domain; a user needs three interactions, so a row with one item of history is left out. */
const rows = [...ints('lengths').keys()].filter((row) => ints('lengths')[row]! > 1);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ferry-import-'));
  const domain = join(folder, 'twin');
  await mkdir(domain);
  const lines = (values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const [count] = answer.text.shape as [number];
  await writeFile(
    join(domain, 'items.jsonl'),
    lines(Array.from({ length: count }, (_, i) => ({ id: i + 1, title: `item ${i + 1}` }))),
  );
  const stride = answer.history.shape[1]!;
  await writeFile(
    join(domain, 'sequences.jsonl'),
    lines(
      rows.map((row) => ({
        user: `row ${row}`,
        items: [
          ...ints('history').subarray(row * stride, row * stride + ints('lengths')[row]!),
          ints('targets')[row]!,
        ],
      })),
    ),
  );
  await writeFile(join(domain, 'twin.feat1CLS'), bytes('text'));
  await writeFile(join(domain, 'twin.feat3CLS'), bytes('image'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('importMissRec', () => {
  it('makes a run that ranks as PyTorch does with the same checkpoint', async () => {
    const on = join(folder, 'twin');
    const out = join(folder, 'run');
    await importMissRec(join(fixtures, 'released.pth'), { on, out }, console);
    expect(said.join('\n')).toContain('IDs of 12 items');
    expect(runRecipe(out)).toMatchObject({
      job: 'finetune',
      ids: true,
      model: { preset: 'released', width: 8 },
    });
    const { metrics } = await evaluateRun(out, {}, console);
    const ranks = rows.map((row) => floats('ranks')[row]!);
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(metrics['mrr']).toBeCloseTo(mean(ranks.map((rank) => 1 / rank)), 6);
    expect(metrics['recall@10']).toBe(mean(ranks.map((rank) => (rank < 11 ? 1 : 0))));
  });

  it('does not write over a run, and refuses a file that is none', async () => {
    const out = join(folder, 'run');
    await expect(importMissRec(join(fixtures, 'released.pth'), { out }, console)).rejects.toThrow(
      'must be a new directory or an empty one, got one that holds',
    );
    // A folder of checkpoints is none either.
    for (const file of [join(folder, 'no.pth'), fixtures])
      await expect(importMissRec(file, { out: 'x' }, console)).rejects.toThrow(
        `no such checkpoint file: ${file}`,
      );
  });

  it('takes what is not tied to items when no domain is given', async () => {
    const out = join(folder, 'weights');
    await importMissRec(join(fixtures, 'released.pth'), { out }, console);
    expect(runRecipe(out)).toMatchObject({ job: 'pretrain' });
    await expect(evaluateRun(out, {}, console)).rejects.toThrow('name the domain to use it on with --on');
  });
});
