import { basename } from 'node:path';
import { InputError } from '@ferry/data';
import { openOutput } from '../encodings/outputs.ts';
import { openSession, type Session } from '../session.ts';
import type { DuchoModel } from './config.ts';
import type { Opened } from './opened.ts';
import { decode } from '../pictures/decode.ts';
import { resize } from '../pictures/resize.ts';
import { preprocess } from '../pictures/scale.ts';
import { networkFile } from '../places.ts';

/** Opens a model at a layer: one of its outputs, a value inside, or the only output it has. */
async function openLayer(weights: string, layer: string): Promise<{ session: Session; output: string }> {
  const habits = { vectors: [], tokens: 'mean' } as const;
  try {
    const { session, chosen } = await openOutput(weights, layer, habits);
    return { session, output: chosen.output };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const session = await openSession(weights).catch(() => undefined);
    if (session?.outputs.length === 1) return { session, output: session.outputs[0]!.name };
    const found = session?.outputs.map(({ name }) => name).join(', ');
    await session?.close();
    if (found === undefined) throw error;
    throw new InputError(
      weights,
      undefined,
      `output_layers must name an output of the model, got ${JSON.stringify(layer)}; there are ${found}`,
    );
  }
}

/** A torch or tensorflow model: an ONNX file under the model's name. */
export async function openNetwork(model: DuchoModel, layer: string): Promise<Opened> {
  const { weights, notes } = await networkFile(model, layer);
  const { session, output } = await openLayer(weights, layer);
  const input = session.inputs[0]!.name;
  const run = async (
    numbers: Float32Array,
    count: number,
    width: number,
    height: number,
  ): Promise<Float32Array[]> => {
    const feeds = { [input]: { type: 'float32' as const, data: numbers, shape: [count, 3, height, width] } };
    const { data } = (await session.run(feeds, [output]))[output]!;
    const size = data.length / count;
    return Array.from({ length: count }, (_, row) => data.slice(row * size, (row + 1) * size));
  };
  return {
    weights,
    notes: [...notes, ...(output === layer ? [] : [`${basename(weights)}: ${output} is taken for ${layer}`])],
    encode: async (paths) => {
      const decoded = await Promise.all(paths.map(decode));
      const pictures = model.reshape
        ? decoded.map((one) => resize(one, ...(model.reshape as [number, number]), 'bicubic'))
        : decoded;
      const { width, height } = pictures[0]!;
      const numbers = pictures.map((one) => preprocess(one, model));
      // Pictures of different sizes cannot be one batch.
      if (pictures.some((one) => one.width !== width || one.height !== height)) {
        const all: Float32Array[] = [];
        for (const [at, one] of pictures.entries())
          all.push(...(await run(numbers[at]!, 1, one.width, one.height)));
        return all;
      }
      const batch = new Float32Array(numbers.length * numbers[0]!.length);
      for (const [at, own] of numbers.entries()) batch.set(own, at * own.length);
      return run(batch, numbers.length, width, height);
    },
    close: session.close,
  };
}
