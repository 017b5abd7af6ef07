import { readFileSync } from 'node:fs';
import { RandomStream, tf } from '@ferry/engine';
import { flattenParameters } from '@ferry/nn';
import { groupByLength, type ItemInputs, lengthHistogram, planGroups } from '@ferry/sequential';
import { interestsOfGroups } from '../src/interestGroups.ts';
import type { MissRecGroup } from '../src/feeds.ts';
import { createMissRecParameters, type MissRecParameters } from '../src/parameters.ts';
import { missRecOptions, type MissRecOptions } from '../src/options.ts';
import { releasedName } from '../src/import/names.ts';

/** An array of tools/parity/missrec_twin.py. */
export interface Packed {
  dtype: 'int32' | 'float32';
  shape: number[];
  data: string;
}

/** One configuration of the twin with what it computed. */
export interface TwinCase {
  preset: 'paper' | 'released';
  task: 'finetune' | 'pretrain-items' | 'pretrain-words';
  ids: boolean;
  sequenceFusion: 'add' | 'contextual';
  itemFusion: 'static' | 'shared' | 'per-item';
  outputs: Record<string, Packed>;
  gradients: Record<string, Packed>;
  droppedHistory?: Packed;
  droppedLengths?: Packed;
}

interface Twin {
  options: Record<
    'width' | 'featureWidth' | 'heads' | 'inner' | 'positions' | 'items' | 'interests',
    number
  > &
    Record<'temperature' | 'gamma' | 'lambda_', number>;
  inputs: Record<
    | 'text'
    | 'image'
    | 'words'
    | 'lookupText'
    | 'lookupImage'
    | 'centres'
    | 'history'
    | 'lengths'
    | 'targets'
    | 'keep',
    Packed
  >;
  weights: Record<string, Record<string, Packed>>;
  cases: TwinCase[];
}

export function unpack(packed: Packed): Float32Array | Int32Array {
  const bytes = Buffer.from(packed.data, 'base64');
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return packed.dtype === 'int32' ? new Int32Array(buffer) : new Float32Array(buffer);
}

export const ints = (packed: Packed): Int32Array => unpack(packed) as Int32Array;
export const tensorOf = (packed: Packed): tf.Tensor => tf.tensor(unpack(packed), packed.shape, packed.dtype);

export const twin = JSON.parse(
  readFileSync(new URL('./fixtures/twin.json', import.meta.url), 'utf8'),
) as Twin;

/** Options of a case. Dropout is off: the twin and we share no random numbers. */
export function optionsOf(c: TwinCase): MissRecOptions {
  const o = twin.options;
  return missRecOptions({
    preset: c.preset,
    task: c.task === 'finetune' ? 'finetune' : 'pretrain',
    featureWidths: { text: o.featureWidth, image: o.featureWidth },
    width: o.width,
    heads: o.heads,
    inner: o.inner,
    positions: o.positions,
    dropout: 0,
    temperature: o.temperature,
    regulariserWeight: o.gamma,
    sequenceWeight: o.lambda_,
    ids: c.ids,
    sequenceFusion: c.sequenceFusion,
    itemFusion: c.itemFusion,
  });
}

/** Weights of a case, in our tree. */
export function parametersOf(c: TwinCase, options: MissRecOptions): MissRecParameters {
  const parameters = createMissRecParameters(options, twin.options.items, RandomStream.fromSeed(1));
  const weights = twin.weights[`${c.ids ? 'ids' : 'no-ids'},${c.itemFusion}`]!;
  tf.tidy(() => {
    for (const [name, variable] of flattenParameters(parameters))
      variable.assign(tensorOf(weights[releasedName(name)]!));
  });
  return parameters;
}

/** Features with their masks. */
export function itemsOf(): ItemInputs {
  const { text, image, words } = twin.inputs;
  const F = twin.options.featureWidth;
  const presence = (packed: Packed): tf.Tensor => {
    const values = unpack(packed);
    const rows = Array.from({ length: packed.shape[0]! }, (_, i) =>
      values.subarray(i * F, (i + 1) * F).some((value) => value !== 0) ? 1 : 0,
    );
    return tf.tensor2d(rows, [rows.length, 1]);
  };
  return {
    features: { text: tensorOf(text), image: tensorOf(image) },
    present: { text: presence(text), image: presence(image) },
    words: tensorOf(words),
  };
}

/** Lookups as the preset has them: a missing modality has no interest in the paper's. */
export function lookupsOf(options: MissRecOptions): Int32Array[] {
  const items = itemsOf();
  return (['text', 'image'] as const).map((modality) => {
    const lookup = ints(twin.inputs[modality === 'text' ? 'lookupText' : 'lookupImage']).slice();
    const present = items.present[modality]!.dataSync();
    return options.missing === 'mask' ? lookup.map((id, i) => (present[i] ? id : 0)) : lookup;
  });
}

/** A batch as tensors, in groups; `order` says which rows of the batch come where. */
export function groupsOf(
  options: MissRecOptions,
  history: Int32Array,
  lengths: Int32Array,
  more: { images?: Int32Array; replaced?: Float32Array; smallest?: number } = {},
): { groups: MissRecGroup[]; order: Int32Array; slots: tf.Scalar } {
  const stride = history.length / lengths.length;
  const rows = groupByLength(
    history,
    lengths,
    planGroups(lengthHistogram(lengths), lengths.length, more.smallest ?? 99),
  );
  const take = <A extends Int32Array | Float32Array>(
    source: A,
    group: (typeof rows)[number],
    make: (n: number) => A,
  ): A => {
    const out = make(group.rows.length * group.length);
    group.rows.forEach((row, at) => {
      out.set(source.subarray(row * stride, row * stride + group.length), at * group.length);
    });
    return out;
  };
  const withImages = rows.map((group) => ({
    ...group,
    images: more.images && take(more.images, group, (n) => new Int32Array(n)),
  }));
  const zero = options.regulariser === 'all-slots' ? 'keep' : 'exclude';
  const interests = interestsOfGroups(withImages, lookupsOf(options), {
    zero,
    longest: stride,
    count: twin.options.interests,
  });
  return {
    order: Int32Array.from(rows.flatMap((group) => [...group.rows])),
    slots: tf.scalar(interests.fullest),
    groups: withImages.map((group, i) => {
      const B = group.rows.length;
      const found = interests.groups[i]!;
      const replaced = more.replaced && take(more.replaced, group, (n) => new Float32Array(n));
      return {
        history: tf.tensor2d(group.history, [B, group.length], 'int32'),
        lengths: tf.tensor1d(group.lengths, 'int32'),
        interests: tf.tensor2d(found.ids, [B, found.slots], 'int32'),
        interestMask: tf.tensor2d(found.mask, [B, found.slots]),
        imageHistory: group.images && tf.tensor2d(group.images, [B, group.length], 'int32'),
        replaced: replaced && tf.tensor2d(replaced, [B, group.length]),
      };
    }),
  };
}
