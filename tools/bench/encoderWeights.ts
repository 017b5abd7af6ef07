/** Passes without gradients of frozen weights held in fewer bytes. */
import { createEncoder, packWeights, weightForms, type PackedWeights } from '@ferry/encoders';
import { compile, RandomStream, tf } from '@ferry/engine';
import type { Parameters } from '@ferry/nn';
import { median } from './clock.ts';
import { encoderSizes } from './encoderSizes.ts';

/** The least and the mean cosine of rows. */
function cosines(a: tf.Tensor, b: tf.Tensor): [least: number, mean: number] {
  return tf.tidy(() => {
    const all = tf.div(tf.sum(tf.mul(a, b), 1), tf.mul(tf.norm(a, 2, 1), tf.norm(b, 2, 1)));
    return [tf.min(all), tf.mean(all)].map((one) => one.dataSync()[0]!) as [number, number];
  });
}

/** Prints the seconds of a pass in each form, medians of turns after two that warm up, and what each form is. */
export async function measureWeights(name: string, passes: number, now: () => number): Promise<void> {
  const { config, inputs } = encoderSizes[name]!;
  const encoder = createEncoder(config, RandomStream.fromSeed(1), { pooling: 'cls' });
  const packed = weightForms.flatMap((form) =>
    form === 'float32' ? [] : [{ form, ...packWeights(encoder, form) }],
  );
  const given = inputs();
  const ways: { form: string; bytes?: PackedWeights['bytes']; parameters: Parameters }[] = [
    { form: 'float32', parameters: encoder.parameters },
    ...packed,
  ];
  const runs = ways.map(({ form, parameters }) => ({
    run: compile((values: Record<string, tf.Tensor>) => encoder.vectors(parameters, values), { name: form }),
    times: [] as number[],
    vectors: undefined as tf.Tensor | undefined,
  }));
  for (let pass = 0; pass < passes + 2; pass++)
    for (const one of runs) {
      one.vectors?.dispose();
      const start = now();
      one.vectors = one.run(given);
      await one.vectors.data();
      one.times.push((now() - start) / 1000);
    }
  const [first] = runs.map(({ times }) => median(times.slice(2)));
  for (const [i, { form, bytes }] of ways.entries()) {
    const own = median(runs[i]!.times.slice(2));
    const [least, mean] = cosines(runs[i]!.vectors!, runs[0]!.vectors!);
    const held = bytes ? `, ${(bytes.now / 1e6).toFixed(1)} of ${(bytes.before / 1e6).toFixed(1)} MB` : '';
    console.log(
      `${name}, ${form}: ${own.toFixed(3)} s a pass, ratio ${(own / first!).toFixed(2)}${held}; ` +
        `cosine at least ${least.toFixed(5)}, mean ${mean.toFixed(5)}`,
    );
  }
  for (const { run, vectors } of runs) {
    run.dispose();
    vectors!.dispose();
  }
  for (const { dispose } of packed) dispose();
  encoder.dispose();
  tf.dispose(given);
}
