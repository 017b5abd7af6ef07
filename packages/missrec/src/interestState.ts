import { tf } from '@ferry/engine';
import { interestStatistics } from '@ferry/interests';
import { type FoundState, type InterestSizes, modalitiesOf } from '@ferry/sequential';
import type { StateArray } from '@ferry/training';
import { createAdapt, discoverInterests, type InterestState, interestsWithout } from './interests.ts';
import type { MissRecOptions } from './options.ts';
import type { MissRecTypes } from './types.ts';

/** Interests as what a model finds anew before every epoch. */
export const interestState: FoundState<MissRecTypes> = {
  create: (p, options, catalogue) => {
    const adapt = createAdapt(p, options);
    return {
      find: async (random, inputs) =>
        options.interestMethod === 'none'
          ? undefined
          : await discoverInterests(adapt, options, { ...catalogue, inputs }, random),
      dispose: () => {
        adapt.dispose();
      },
    };
  },
  tensors: ({ width }, { centres }) => ({ centres: tf.tensor2d(centres, [centres.length / width, width]) }),
  save,
  load,
  without: (p, options, state, modality) => {
    const adapter = modality === 'text' ? p.textAdapter : p.imageAdapter;
    return interestsWithout(state, options, modality, adapter!.bias.dataSync() as Float32Array);
  },
  interests,
};

/** How interests spread over items, the largest first. */
function interests(options: MissRecOptions, { count, lookups }: InterestState): InterestSizes {
  const modalities = modalitiesOf(options);
  // Lookups count interests from 1, 0 being none; statistics count from 0, -1 being none.
  const assignment = Int32Array.from(
    lookups.flatMap((lookup) => [...lookup.subarray(1)].map((id) => id - 1)),
  );
  const { sizes, sizesByModality, mixed, effective } = interestStatistics(assignment, { count, modalities });
  const order = [...sizes.keys()].sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  return {
    count,
    sizes: Object.fromEntries(
      modalities.map((modality) => [modality, order.map((k) => sizesByModality[modality]![k]!)]),
    ),
    mixed,
    effective,
  };
}

/** Interests as arrays: `interests.centres`, `interests.text`, `interests.image`. */
function save(options: MissRecOptions, state: InterestState): Map<string, StateArray> {
  const buffers = new Map<string, StateArray>();
  buffers.set('interests.centres', {
    data: state.centres,
    shape: [state.centres.length / options.width, options.width],
  });
  modalitiesOf(options).forEach((modality, m) => {
    const lookup = state.lookups[m]!;
    buffers.set(`interests.${modality}`, { data: lookup, shape: [lookup.length] });
  });
  return buffers;
}

/** Interests from their arrays, if there are any. */
function load(
  options: MissRecOptions,
  items: number,
  buffers: ReadonlyMap<string, StateArray>,
): InterestState | undefined {
  const expected = options.interestMethod === 'none' ? [] : ['centres', ...modalitiesOf(options)];
  const unknown = [...buffers.keys()].filter(
    (name) => !expected.some((part) => name === `interests.${part}`),
  );
  if (unknown.length > 0) throw new Error(`restoreBuffers: the model knows no ${unknown.join(', ')}`);
  const centres = buffers.get('interests.centres');
  if (!centres) return undefined;
  const [rows, width] = centres.shape;
  if (!(centres.data instanceof Float32Array) || width !== options.width || rows === undefined)
    throw new Error(
      `restoreBuffers: interests.centres must be float32 [K + 1, ${options.width}], got [${centres.shape.join(', ')}]`,
    );
  const count = rows - 1;
  const lookups = modalitiesOf(options).map((modality) => {
    const buffer = buffers.get(`interests.${modality}`);
    const data = buffer?.data;
    if (!(data instanceof Int32Array) || data.length !== items + 1)
      throw new Error(
        `restoreBuffers: interests.${modality} must be int32 [${items + 1}], got ` +
          (buffer ? `[${buffer.shape.join(', ')}]` : 'none'),
      );
    const wrong = data.find((id) => id < 0 || id > count);
    if (wrong !== undefined)
      throw new Error(`restoreBuffers: interests.${modality} must hold 0..${count}, got ${wrong}`);
    return data;
  });
  return { centres: centres.data, count, lookups };
}
