import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend, tf } from '@ferry/engine';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  DamagedCheckpointError,
  NonFiniteError,
  openCheckpoint,
  readMetrics,
  verifyCheckpoint,
  WriteError,
} from '../src/index.ts';
import { summaryOf, textOf } from './kill.ts';
import { tinyModel, trainTiny } from './tiny.ts';

// What an earlier file of this process has imported has no such disk.
vi.hoisted(() => {
  vi.resetModules();
});
const disk = vi.hoisted(() => ({ writesLeft: Infinity, linesLeft: Infinity, code: 'ENOSPC' }));
const full = vi.hoisted(
  () => (): Error => Object.assign(new Error(`${disk.code}: what the system says`), { code: disk.code }),
);

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const writeSync = (
    handle: number,
    bytes: Uint8Array,
    offset: number,
    length?: number,
    at?: number,
  ): number => {
    const isRecord = Buffer.from(bytes).toString().startsWith('{"kind"');
    if (!isRecord || --disk.linesLeft >= 0) return fs.writeSync(handle, bytes, offset, length, at);
    if (disk.linesLeft === -1) return fs.writeSync(handle, bytes, 0, bytes.length >> 1, at);
    throw full();
  };
  return { ...fs, writeSync };
});

/** A disk that is full after some files: what is written last is cut short. */
vi.mock('@ferry/nn', async (original) => {
  const nn = await original<typeof import('@ferry/nn')>();
  return {
    ...nn,
    async writeSafetensors(...args: Parameters<typeof nn.writeSafetensors>): Promise<void> {
      await nn.writeSafetensors(...args);
      if (--disk.writesLeft >= 0) return;
      truncateSync(args[0], 20);
      throw full();
    },
  };
});

let directory: string;
let checkpoints: string;

beforeAll(async () => {
  await selectBackend('cpu');
});
beforeEach(() => {
  disk.writesLeft = Infinity;
  disk.linesLeft = Infinity;
  disk.code = 'ENOSPC';
  directory = mkdtempSync(join(tmpdir(), 'ferry-failures-'));
  checkpoints = join(directory, 'checkpoints');
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Trains until a step is about to begin, then fails as a crash would. */
async function crashAt(step: number): Promise<void> {
  const crash = new Error('crash');
  await expect(
    trainTiny(directory, {
      onStep(at) {
        if (at === step) throw crash;
      },
    }),
  ).rejects.toBe(crash);
}

/** `metrics.jsonl` and the summary of a run that nothing happens to. */
async function undisturbed(): Promise<{ metrics: string; summary: unknown }> {
  const other = join(directory, 'undisturbed');
  await trainTiny(other);
  return { metrics: textOf(other, 'metrics.jsonl'), summary: summaryOf(other) };
}

describe('a loss that is not finite', () => {
  it('stops with the step and the last good checkpoint', async () => {
    const run = trainTiny(directory, { loss: (step, loss) => (step === 9 ? NaN : loss) });
    await expect(run).rejects.toThrow(NonFiniteError);
    await expect(run).rejects.toMatchObject({ step: 10 });
    await expect(run).rejects.toThrow(
      `the loss is NaN at step 10 (epoch 2); last good checkpoint: ${join(checkpoints, 'step-00000008')}`,
    );
    expect(readMetrics(directory).every((record) => record.step < 10)).toBe(true);
    expect(textOf(directory, 'log.txt')).toContain('failed: the loss is NaN at step 10');
    await verifyCheckpoint(join(checkpoints, 'step-00000008'));
  });

  it('says so when nothing was saved yet', async () => {
    await expect(trainTiny(directory, { loss: () => Infinity })).rejects.toThrow(
      'the loss is Infinity at step 1 (epoch 1); last good checkpoint: none',
    );
  });

  it('does not save weights that are not finite', async () => {
    const model = tinyModel();
    const run = trainTiny(
      directory,
      {},
      {
        model: {
          ...model,
          async trainStep(batch, context) {
            const result = await model.trainStep(batch, context);
            if (context.step === 7)
              model
                .parameters()
                .get('weight')!
                .assign(tf.tensor1d([0, 0, NaN, 0, 0]));
            return result;
          },
        },
      },
    );
    await expect(run).rejects.toThrow("'weight' holds a value that is not finite at step 8");
    await expect(run).rejects.toThrow(join(checkpoints, 'step-00000006'));
  });
});

describe('a damaged checkpoint', () => {
  it.each(['model.safetensors', 'optimizer.safetensors', 'state.json', 'SHA256SUMS'])(
    'is refused, naming %s, and the one before it is offered',
    async (file) => {
      await crashAt(13);
      const path = join(checkpoints, 'step-00000012', file);
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(path, bytes);
      const run = trainTiny(directory);
      await expect(run).rejects.toThrow(
        file === 'SHA256SUMS' ? 'step-00000012' : `${path} is damaged: SHA-256`,
      );
      await expect(run).rejects.toThrow('step-00000008, is whole');
    },
  );

  it('is refused when truncated or incomplete', async () => {
    await crashAt(13);
    const path = join(checkpoints, 'step-00000012', 'model.safetensors');
    truncateSync(path, 100);
    await expect(trainTiny(directory)).rejects.toThrow(
      /model\.safetensors is damaged: SHA-256 of its 100 bytes/,
    );
    rmSync(path);
    await expect(trainTiny(directory)).rejects.toThrow(`${path} is damaged: the file is missing`);
    await expect(openCheckpoint(directory, 'last')).rejects.toThrow(DamagedCheckpointError);
  });

  it('is put aside if asked, and the run ends as if nothing had happened', async () => {
    await crashAt(13);
    truncateSync(join(checkpoints, 'step-00000012', 'state.json'), 10);
    const steps: number[] = [];
    await trainTiny(directory, { onStep: (step) => void steps.push(step) }, { fallback: true });
    expect(steps[0]).toBe(8);
    expect(existsSync(join(checkpoints, 'damaged-step-00000012'))).toBe(true);
    const expected = await undisturbed();
    expect(textOf(directory, 'metrics.jsonl')).toBe(expected.metrics);
    expect(summaryOf(directory)).toEqual(expected.summary);
  });

  it('is an error in any case if no other is whole', async () => {
    await crashAt(5);
    truncateSync(join(checkpoints, 'step-00000004', 'state.json'), 10);
    await expect(trainTiny(directory, {}, { fallback: true })).rejects.toThrow(
      'no earlier checkpoint is whole',
    );
  });

  it('counts the best checkpoint that the newest one names', async () => {
    const metric = (count: number): number => 1 / (count + 1);
    await expect(
      trainTiny(directory, {
        metric,
        onStep(step) {
          if (step === 17) throw new Error('crash');
        },
      }),
    ).rejects.toThrow('crash');
    expect(readdirSync(checkpoints).sort()).toEqual(['step-00000006', 'step-00000012', 'step-00000016']);
    truncateSync(join(checkpoints, 'step-00000006', 'model.safetensors'), 30);
    await expect(trainTiny(directory, { metric })).rejects.toThrow(/step-00000006.*is damaged.*no earlier/);
  });
});

describe('a full disk', () => {
  it('while a checkpoint is saved: a clear error, earlier ones untouched, the run goes on afterwards', async () => {
    // Two files a checkpoint: the fourth checkpoint (after 12 steps) fails at its second file.
    disk.writesLeft = 7;
    const run = trainTiny(directory);
    await expect(run).rejects.toThrow(WriteError);
    await expect(run).rejects.toThrow(
      new RegExp(
        'cannot write .*step-00000012: no space left on the device; last good checkpoint: .*step-00000008, ' +
          'untouched. Free some space, then go on.*ferry resume here',
      ),
    );
    expect(readdirSync(checkpoints).sort()).toEqual(['step-00000006', 'step-00000008']);
    await verifyCheckpoint(join(checkpoints, 'step-00000006'));
    await verifyCheckpoint(join(checkpoints, 'step-00000008'));
    disk.writesLeft = Infinity;
    await trainTiny(directory);
    const expected = await undisturbed();
    expect(textOf(directory, 'metrics.jsonl')).toBe(expected.metrics);
    expect(summaryOf(directory)).toEqual(expected.summary);
  });

  it('while a line is logged: names the file, and the run goes on afterwards', async () => {
    // Lines for steps 1, 2, 4, 6, epoch 1, 8, 10, 12, epoch 2; then half of the line for step 14.
    disk.linesLeft = 9;
    const run = trainTiny(directory);
    await expect(run).rejects.toThrow(WriteError);
    await expect(run).rejects.toThrow(
      /cannot write .*metrics\.jsonl: no space left on the device; last good checkpoint: .*step-00000012, untouched/,
    );
    disk.linesLeft = Infinity;
    await trainTiny(directory);
    const expected = await undisturbed();
    expect(textOf(directory, 'metrics.jsonl')).toBe(expected.metrics);
    expect(summaryOf(directory)).toEqual(expected.summary);
  });
});

it.each(['EACCES', 'EROFS', 'ENOENT'])(
  'what cannot be written for %s is not a matter of space',
  async (code) => {
    disk.code = code;
    disk.writesLeft = 7;
    await expect(trainTiny(directory)).rejects.toThrow(
      new RegExp(
        `${code}: what the system says; last good .*step-00000008, untouched. See to that, then go on`,
      ),
    );
  },
);

describe('a run directory', () => {
  it('refuses another recipe, seed or data, and names what differs', async () => {
    await crashAt(13);
    await expect(
      trainTiny(directory, {}, { recipe: { name: 'tiny', width: 6, extra: [1] } }),
    ).rejects.toThrow(
      `${directory} belongs to another recipe: 'width' was 5, is 6; 'extra' was absent, is [1]`,
    );
    await expect(trainTiny(directory, {}, { seed: 1 })).rejects.toThrow('the seed was 2020, is 1');
    await expect(trainTiny(directory, {}, { fingerprint: 'abc' })).rejects.toThrow(
      'the data are not those the run began with (fingerprint was null, is "abc")',
    );
    expect(existsSync(join(directory, 'lock'))).toBe(false);
  });

  it('takes a recipe that differs where it may', async () => {
    const recipe = (epochs: number): { name: string; training: { epochs: number } } => ({
      name: 'tiny',
      training: { epochs },
    });
    await trainTiny(directory, {}, { recipe: recipe(2), epochs: 2, mayDiffer: ['training.epochs'] });
    const result = await trainTiny(
      directory,
      {},
      { recipe: recipe(4), epochs: 4, mayDiffer: ['training.epochs'] },
    );
    expect(result).toMatchObject({ summary: { epochs: 4 } });
    // The first run's test line is gone: as if it had had 4 epochs from the start.
    expect(textOf(directory, 'metrics.jsonl')).toBe((await undisturbed()).metrics);
    expect(textOf(directory, 'recipe.yaml')).toContain('epochs: 4');
  });

  it('refuses a model that does not fit, and changes nothing in it', async () => {
    await crashAt(13);
    const model = tinyModel();
    const other = tf.variable(tf.ones([3]));
    const run = trainTiny(
      directory,
      {},
      {
        model: {
          ...model,
          parameters: () =>
            new Map([
              ['weight', other],
              ['bias', other],
            ]),
        },
      },
    );
    await expect(run).rejects.toThrow(
      "does not fit the model: 'weight' must be F32 [3], got F32 [5]; 'bias' is missing",
    );
    expect([...other.dataSync()]).toEqual([1, 1, 1]);
  });

  it('refuses a metrics file that was cut', async () => {
    await crashAt(13);
    truncateSync(join(directory, 'metrics.jsonl'), 10);
    await expect(trainTiny(directory)).rejects.toThrow(/metrics\.jsonl: .*got 10: it was cut or replaced/);
  });

  it('refuses to write over a finished run whose checkpoints were deleted', async () => {
    await trainTiny(directory);
    rmSync(checkpoints, { recursive: true });
    const before = textOf(directory, 'metrics.jsonl');
    await expect(trainTiny(directory)).rejects.toThrow(
      'holds a finished run (summary.json) without its checkpoints',
    );
    expect(textOf(directory, 'metrics.jsonl')).toBe(before);
  });

  it('is cleared of what an interrupted save left', async () => {
    await crashAt(13);
    mkdirSync(join(checkpoints, '.new-step-00000016'));
    writeFileSync(join(checkpoints, '.new-step-00000016', 'model.safetensors'), 'half');
    await trainTiny(directory);
    expect(readdirSync(checkpoints).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
