/** Frozen weights in fewer bytes. Fixtures of int8: ONNX Runtime's own, by tools/parity/encoder_int8.py. */
import { compile, selectBackend, tf } from '@ferry/engine';
import { flattenParameters, fromFloat16, type Parameters, toFloat16 } from '@ferry/nn';
import { afterAll, describe, expect, it } from 'vitest';
import { type Encoder, type EncoderInputs, loadEncoder, packWeights } from '../src/index.ts';
import { close, fixture, readExpected } from './expected.ts';
import { families } from './families.ts';

const use = (backend: 'ort' | 'cpu') => selectBackend(backend, { threads: 1, log: () => undefined });
afterAll(() => use('ort'));

/** Vectors of all tokens, and one of each, by some parameters. */
function made(encoder: Encoder, p: Parameters, inputs: EncoderInputs): Float32Array[] {
  const run = compile((given: EncoderInputs) => [encoder.encode(p, given).hidden, encoder.vectors(p, given)]);
  const found = run(inputs);
  const values = found.map((tensor) => tensor.dataSync().slice() as Float32Array);
  tf.dispose(found);
  run.dispose();
  return values;
}

/** The largest difference. */
const apart = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

describe.each(['ort', 'cpu'] as const)('int8 on %s', (backend) => {
  it.each([
    ['bert', undefined],
    ['vit', undefined],
    ['blip', 'image'],
  ] as const)("%s gives what ONNX Runtime's quantize_dynamic gives", async (name, modality) => {
    await use(backend);
    const [encoder, expected] = [
      await loadEncoder(fixture(name), modality && { modality }),
      await readExpected(name, 'int8'),
    ];
    const inputs = expected.inputs(0)!;
    const packed = packWeights(encoder, 'int8');
    const [hidden] = made(encoder, packed.parameters, inputs);
    const [theirs, floats] = ['0.int8', '0.hidden'].map((key) => expected.values(key)!);
    close(hidden!, theirs!, 1e-5, 'vectors of tokens');
    // That says something: float32 weights give others.
    expect(apart(floats!, theirs!)).toBeGreaterThan(3e-3);
    packed.dispose();
    encoder.dispose();
  });
});

describe.each(['float16', 'int8'] as const)('%s', (form) => {
  it.each(families.filter(({ name }) => !name.startsWith('resnet')))(
    '$name: near the vectors of float32, in a fraction of the bytes, without a tensor left',
    async ({ name, folder = name, modality }) => {
      await use('ort');
      const before = tf.memory().numTensors;
      const encoder = await loadEncoder(fixture(folder), modality && { modality });
      const expected = await readExpected(folder, modality);
      const inputs = expected.inputs(0)!;
      const packed = packWeights(encoder, form);
      const want = made(encoder, encoder.parameters, inputs);
      packed.freeOriginals();
      const got = made(encoder, packed.parameters, inputs);
      const bound = form === 'float16' ? 3e-3 : 0.15;
      for (const i of [0, 1]) {
        close(got[i]!, want[i]!, bound, `result ${i}`);
        expect(apart(got[i]!, want[i]!)).toBeGreaterThan(0);
      }
      // Widths of the fixtures are small, so scales weigh.
      expect(packed.bytes.now / packed.bytes.before).toBeLessThan(form === 'float16' ? 0.51 : 0.4);
      packed.dispose();
      encoder.dispose();
      tf.dispose(Object.values(inputs));
      for (let i = 1, more; (more = expected.inputs(i)); i++) tf.dispose(Object.values(more));
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('is refused where there are no linear layers', async () => {
    await use('ort');
    const encoder = await loadEncoder(fixture('resnet-basic'));
    const before = tf.memory().numTensors;
    expect(() => packWeights(encoder, form)).toThrow(
      `packWeights: resnet has no linear layers to hold as ${form}`,
    );
    expect(tf.memory().numTensors).toBe(before);
    encoder.dispose();
  });
});

describe('float16', () => {
  it('gives what float32 gives of rounded weights, words among them', async () => {
    await use('ort');
    const encoder = await loadEncoder(fixture('bert'));
    const inputs = (await readExpected('bert')).inputs(0)!;
    const packed = packWeights(encoder, 'float16');
    const got = made(encoder, packed.parameters, inputs);
    for (const [name, variable] of flattenParameters(encoder.parameters))
      if (variable.rank === 2 && !['positions', 'types'].includes(name)) {
        const rounded = (variable.dataSync() as Float32Array).map((value) => fromFloat16(toFloat16(value)));
        variable.assign(tf.tensor(rounded, variable.shape));
      }
    const want = made(encoder, encoder.parameters, inputs);
    for (const i of [0, 1]) close(got[i]!, want[i]!, 1e-6, `result ${i}`);
    packed.dispose();
    encoder.dispose();
  });

  it('names a weight that it cannot hold, and backends that it is not for', async () => {
    await use('ort');
    const encoder = await loadEncoder(fixture('bert'));
    const before = tf.memory().numTensors;
    const up = flattenParameters(encoder.parameters).get('layers.1.up.weight')!;
    const large = (up.dataSync() as Float32Array).map((value, i) => (i === 3 ? 70000 : value));
    tf.tidy(() => {
      up.assign(tf.tensor(large, up.shape));
    });
    expect(() => packWeights(encoder, 'float16')).toThrow(
      'packWeights: float16 holds weights within ±65,504, got 70000 in layers.1.up.weight: take float32',
    );
    expect(tf.memory().numTensors).toBe(before);
    await use('cpu');
    expect(() => packWeights(encoder, 'float16')).toThrow(
      'backend ort on the processor, got cpu: take float32',
    );
    encoder.dispose();
  });
});
