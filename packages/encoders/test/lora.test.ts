/** LoRA against peft (tools/parity/encoders.py): its files, outputs and gradients; merged equal to apart. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { flattenParameters, readSafetensors } from '@ferry/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { createLora, loadEncoder, loadLora, mergeLora, saveLora, withLora } from '../src/index.ts';
import { close, fixture, readExpected, tokensOf } from './expected.ts';

const random = RandomStream.fromSeed(1);

async function open() {
  const encoder = await loadEncoder(fixture('bert'));
  const lora = await loadLora(fixture('bert-lora'), encoder, random);
  const expected = await readExpected('bert-lora');
  return { encoder, lora, expected, inputs: expected.inputs(0)! };
}

describe.each(['ort', 'cpu'] as const)('LoRA on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
  });

  it("gives peft's outputs and gradients", async () => {
    const { encoder, lora, expected, inputs } = await open();
    const probe = tf.tensor(expected.values('probe.0')!, [3, 7, 8]);
    const mask = tf.expandDims(tf.cast(inputs.mask!, 'float32'), -1);
    const small = flattenParameters(lora.parameters);
    const run = compile(() => {
      const hidden = (): tf.Tensor => encoder.encode(withLora(encoder.parameters, lora), inputs).hidden;
      const { grads } = tf.variableGrads(
        () => tf.sum(tf.mul(tf.mul(hidden(), probe), mask)),
        [...small.values()],
      );
      return { hidden: hidden(), grads };
    });
    const { hidden, grads } = run();
    const want = expected.values('0.hidden')!;
    close(tokensOf(hidden.dataSync(), inputs), tokensOf(want, inputs), 1e-5, 'hidden');
    expect(small.size).toBe(8);
    for (const [name, variable] of small) {
      const layer = encoder.names.get(`${name.replace(/\.[ab]$/, '')}.weight`)!.replace(/\.weight$/, '');
      const theirs = `gradient.base_model.model.${layer}.lora_${name.endsWith('.a') ? 'A' : 'B'}.weight`;
      close(grads[variable.name]!.dataSync(), expected.values(theirs)!, 1e-4, name);
    }
    run.dispose();
  });

  it('merged is what it was apart', async () => {
    const { encoder, lora, expected, inputs } = await open();
    mergeLora(encoder, lora);
    const { hidden } = encoder.encode(encoder.parameters, inputs);
    close(
      tokensOf(hidden.dataSync(), inputs),
      tokensOf(expected.values('0.hidden')!, inputs),
      1e-5,
      'hidden',
    );
    encoder.dispose();
  });
});

describe('small matrices', () => {
  it("are written as peft's", async () => {
    const { encoder, lora } = await open();
    const directory = await mkdtemp(join(tmpdir(), 'ferry-lora-'));
    await saveLora(directory, encoder, lora);
    const [before, after] = await Promise.all(
      [fixture('bert-lora'), directory].map((folder) =>
        readSafetensors(join(folder, 'adapter_model.safetensors')),
      ),
    );
    expect(after!.tensors).toEqual(before!.tensors);
    const config = JSON.parse(await readFile(join(directory, 'adapter_config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ peft_type: 'LORA', r: 3, lora_alpha: 6 });
    const again = await loadLora(directory, encoder, random);
    expect(again.options.targets).toEqual(lora.options.targets);
    await rm(directory, { recursive: true });
  });

  it('are refused where their settings say that they are more than that', async () => {
    const { encoder } = await open();
    const directory = await mkdtemp(join(tmpdir(), 'ferry-lora-'));
    await cp(fixture('bert-lora'), directory, { recursive: true });
    const path = join(directory, 'adapter_config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as object;
    for (const changed of [
      ...[
        { peft_type: 'LOHA' },
        { use_rslora: true },
        { use_dora: true },
        { bias: 'all' },
        { lora_bias: true },
      ],
      ...[{ alpha_pattern: { query: 12 } }, { rank_pattern: { query: 1 } }, { fan_in_fan_out: true }],
      { modules_to_save: ['pooler'] },
    ]) {
      await writeFile(path, JSON.stringify({ ...config, ...changed }));
      const [key, value] = Object.entries<unknown>(changed)[0]!;
      await expect(loadLora(directory, encoder, random)).rejects.toThrow(
        `got ${key} ${JSON.stringify(value)}`,
      );
    }
    await rm(directory, { recursive: true });
  });

  it('change nothing at first, and refuse what they do not fit', async () => {
    const { encoder, inputs } = await open();
    const lora = createLora(encoder, { rank: 2, targets: ['words', 'layers.1.up.weight'] }, random);
    expect([...flattenParameters(lora.parameters).keys()]).toEqual([
      ...['words.a', 'words.b', 'layers.1.up.a', 'layers.1.up.b'],
    ]);
    const [plain, beside] = [encoder.parameters, withLora(encoder.parameters, lora)].map((p) =>
      encoder.encode(p, inputs).hidden.dataSync(),
    );
    expect(beside).toEqual(plain);
    expect(() => createLora(encoder, { rank: 2, targets: ['layers.7.**'] }, random)).toThrow(
      'got "layers.7.**" among',
    );
    expect(() => createLora(encoder, { rank: 0 }, random)).toThrow('rank must be a positive integer, got 0');
  });
});
