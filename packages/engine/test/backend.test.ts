import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterEach, describe as suite, expect, it, vi } from 'vitest';
import { compile, describe, memory, selectBackend, tf } from '../src/index.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const { dependencies, peerDependencies } = createRequire(import.meta.url)('../package.json') as Record<
  'dependencies' | 'peerDependencies',
  Record<string, string>
>;
const quiet = { log: () => undefined };

suite('selectBackend', () => {
  it('describes what runs as plain JSON, before and after', async () => {
    const fresh = describe();
    expect(fresh.reason).toBe('not chosen by selectBackend');
    const chosen = await selectBackend('ort', { threads: 1 });
    expect(chosen).toMatchObject({ backend: 'ort', provider: 'cpu', threads: 1 });
    expect(chosen.versions).toMatchObject({
      tfjs: dependencies['@tensorflow/tfjs'],
      node: process.versions.node,
    });
    expect(chosen.versions['onnxruntime-node']).toMatch(/^\d+\.\d+\.\d+/);
    expect(chosen.versions['ferry']).toMatch(/^\d+\.\d+\.\d+/);
    expect(JSON.parse(JSON.stringify(describe()))).toEqual(chosen);
    expect(describe()).not.toBe(chosen);
  });

  it('has all of tfjs in the version that the documentation names', () => {
    const page = readFileSync(new URL('../../../docs/backends.md', import.meta.url), 'utf8');
    const named = [...page.matchAll(/@tensorflow\/tfjs[a-z-]*@(\d[\w.]*)/g)].map(([, version]) => version);
    const declared = Object.entries({ ...dependencies, ...peerDependencies }).filter(([name]) =>
      name.startsWith('@tensorflow/'),
    );
    expect(declared.length).toBeGreaterThan(2);
    expect(new Set([...named, ...declared.map(([, version]) => version)])).toEqual(
      new Set([tf.version.tfjs]),
    );
  });

  it('reports a backend that was set behind its back as such', async () => {
    await selectBackend('ort', { threads: 1 });
    await tf.setBackend('cpu');
    expect(describe()).toMatchObject({ backend: 'cpu', reason: 'not chosen by selectBackend' });
  });

  it('says in one line through log what auto fell back to', async () => {
    vi.stubEnv('FERRY_BACKEND', '');
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '');
    const lines: string[] = [];
    const { reason } = await selectBackend('auto', { threads: 1, log: (line) => lines.push(line) });
    expect(lines).toEqual([`engine: ort on cpu (${reason})`]);
    expect(reason).toBe('auto: no NVIDIA GPU was found');
  });

  it('lets FERRY_BACKEND and FERRY_THREADS stand in for what code leaves open', async () => {
    vi.stubEnv('FERRY_BACKEND', 'cpu');
    vi.stubEnv('FERRY_THREADS', '1');
    expect(await selectBackend()).toMatchObject({ backend: 'cpu', reason: 'asked for by FERRY_BACKEND=cpu' });
    expect(await selectBackend('ort')).toMatchObject({ backend: 'ort', threads: 1 });
  });

  it('says when a backend cannot use the threads asked for', async () => {
    const lines: string[] = [];
    const { threads } = await selectBackend('cpu', { threads: 2, log: (line) => lines.push(line) });
    expect(threads).toBe(1);
    expect(lines).toEqual(['engine: cpu runs 1 thread, not 2']);
  });

  it('refuses what it does not know, and leaves the backend as it was', async () => {
    await selectBackend('cpu');
    await expect(selectBackend('gpu' as 'cpu')).rejects.toThrow(/got 'gpu'/);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('replaces ort with other options: tensors, variables and compiled functions keep working', async () => {
    await selectBackend('ort', { threads: 1, ...quiet });
    const first = tf.backend();
    const state = tf.variable(tf.tensor1d([1, 2, 3]));
    const captured = tf.tensor1d(Float32Array.from({ length: 2000 }, (_, i) => i % 5));
    const add = compile((x: tf.Tensor) => {
      state.assign(tf.add(state, x));
      return tf.add(tf.sum(captured), tf.sum(state));
    });
    const kept = tf.tensor1d([1, 1, 1]);
    // sum of captured = 400 * (0 + 1 + 2 + 3 + 4) = 4000
    expect(add(kept).dataSync()[0]).toBe(4009);
    await selectBackend('ort', { threads: 1, ...quiet });
    expect(tf.backend()).toBe(first);
    await selectBackend('ort', { threads: 2, ...quiet });
    expect(tf.backend()).not.toBe(first);
    expect(describe().threads).toBe(2);
    expect(add(kept).dataSync()[0]).toBe(4012);
    expect(Array.from(state.dataSync())).toEqual([3, 4, 5]);
    await selectBackend('ort', { threads: 1, ...quiet });
    expect(add(kept).dataSync()[0]).toBe(4015);
    add.dispose();
    tf.dispose([kept, captured, state]);
  });

  it('moves tensors along when the backend changes', async () => {
    const values: number[][] = [];
    await selectBackend('cpu');
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    for (const name of ['ort', 'wasm', 'cpu', 'ort'] as const) {
      await selectBackend(name, quiet);
      values.push(tf.tidy(() => Array.from(tf.matMul(x, x).dataSync())));
    }
    expect(values).toEqual(Array.from({ length: 4 }, () => [7, 10, 15, 22]));
    x.dispose();
  });

  it('runs wasm, which reports its single thread', async () => {
    const before = memory().tensors;
    expect(await selectBackend('wasm', quiet)).toMatchObject({
      backend: 'wasm',
      provider: 'cpu',
      threads: 1,
    });
    expect(tf.tidy(() => tf.sum(tf.ones([10, 10])).dataSync()[0])).toBe(100);
    expect(memory().tensors).toBe(before);
  });
});
