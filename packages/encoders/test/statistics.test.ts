/** ResNet whose statistics move, against PyTorch's training mode (tools/parity/encoder_statistics.py). */
import { compile, randomKey, randomSource, RandomStream, selectBackend, tf } from '@ferry/engine';
import { flattenParameters } from '@ferry/nn';
import { describe, expect, it } from 'vitest';
import { createEncoder, type EncoderInputs, loadEncoder } from '../src/index.ts';
import { close, fixture, readExpected } from './expected.ts';

const random = RandomStream.fromSeed(1);
const key = randomKey(random, 0);

describe.each(['ort', 'cpu'] as const)('running statistics on %s', (backend) => {
  it.each([false, true])(
    'are those of PyTorch, as are outputs and gradients; compiled: %s',
    async (compiled) => {
      await selectBackend(backend, { threads: 1, log: () => undefined });
      const encoder = await loadEncoder(fixture('resnet-basic'), { statistics: 'running' });
      const expected = await readExpected('resnet-running');
      const probe = tf.tensor(expected.values('probe')!, [4, 16, 8]);
      const all = flattenParameters(encoder.parameters);
      const named = [...all].filter(([name]) =>
        expected.names.includes(`gradient.${encoder.names.get(name)!}`),
      );
      expect(named).toHaveLength(expected.names.filter((name) => name.startsWith('gradient.')).length);
      const { parameters: p } = encoder;
      const step = (inputs: EncoderInputs, drawn: tf.Tensor, probed?: tf.Tensor) => {
        let hidden: tf.Tensor | undefined;
        const loss = (): tf.Scalar => {
          hidden = tf.keep(encoder.encode(p, inputs, randomSource(drawn)).hidden);
          return tf.sum(probed ? tf.mul(hidden, probed) : hidden);
        };
        const { grads } = tf.variableGrads(
          loss,
          named.map(([, variable]) => variable),
        );
        return { grads, hidden: hidden! };
      };
      const run = compiled ? compile(step) : step;
      const [first, second] = [expected.inputs(0)!, expected.inputs(1)!];
      const { grads, hidden } = run(first, key, probe);
      close(hidden.dataSync(), expected.values('train')!, 1e-5, 'in training');
      for (const [name, variable] of named)
        close(
          grads[variable.name]!.dataSync(),
          expected.values(`gradient.${encoder.names.get(name)!}`)!,
          1e-4,
          name,
        );
      run(second, key);
      let moved = 0;
      for (const [name, variable] of all) {
        const want = expected.values(`moved.${encoder.names.get(name)!}`);
        if (!want) continue;
        close(variable.dataSync(), want, 1e-5, name);
        moved++;
      }
      expect(moved).toBe(expected.names.filter((name) => name.startsWith('moved.')).length);
      // Without a random source nothing is trained: by the statistics, which stay.
      for (let i = 0; i < 2; i++)
        close(encoder.encode(p, first).hidden.dataSync(), expected.values('eval')!, 1e-5, 'in evaluation');
      encoder.dispose();
    },
  );
});

it('are refused where there are none', () => {
  const config = { model_type: 'vit', hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1 };
  expect(() => createEncoder(config, random, { statistics: 'running' })).toThrow(
    /statistics running is for families with batch normalisation, got vit/,
  );
});
