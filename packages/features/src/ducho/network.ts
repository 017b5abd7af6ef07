import { basename } from 'node:path';
import { InputError } from '@ferry/data';
import { decode } from '../pictures/decode.ts';
import { resize } from '../pictures/resize.ts';
import type { DuchoModel } from './config.ts';
import type { Opened } from './opened.ts';
import { preprocess } from './pictures.ts';
import { networkFile } from './places.ts';

/** A torch or tensorflow model: an ONNX file under the model's name. */
export async function openNetwork(model: DuchoModel, layer: string): Promise<Opened> {
  const weights = await networkFile(model, layer);
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(weights);
  const input = session.inputNames[0]!;
  const output = session.outputNames.includes(layer)
    ? layer
    : session.outputNames.length === 1
      ? session.outputNames[0]!
      : undefined;
  if (output === undefined)
    throw new InputError(
      weights,
      undefined,
      `output_layers must name an output of the model, got ${JSON.stringify(layer)}; ` +
        `there are ${session.outputNames.join(', ')}`,
    );
  const run = async (
    numbers: Float32Array,
    count: number,
    width: number,
    height: number,
  ): Promise<Float32Array[]> => {
    const answer = await session.run({ [input]: new Tensor('float32', numbers, [count, 3, height, width]) });
    const data = answer[output]!.data as Float32Array;
    const size = data.length / count;
    return Array.from({ length: count }, (_, row) => data.slice(row * size, (row + 1) * size));
  };
  return {
    weights,
    notes:
      output === layer ? [] : [`${basename(weights)} has one output, ${output}, which is taken for ${layer}`],
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
    close: () => session.release(),
  };
}
