/**
 * What frozen lower layers make of items: computed once and kept, in memory, or in a file that later runs find again.
 *
 * N items, T tokens, D width.
 */
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { compile, disposeNest, tf } from '@ferry/engine';
import { flattenParameters } from '@ferry/nn';
import type { Encoder } from './encoder.ts';
import type { EncoderInputs } from './family.ts';
import { frozenLayers } from './tuning.ts';

/** An array of some items, row-major. */
export interface ItemArray {
  /** Sizes; the first is N. */
  readonly shape: readonly number[];
  /** Values. */
  readonly data: Int32Array | Float32Array | Uint8Array;
}

/** Rows of items that are read from a file. */
export interface ItemFile {
  /** Sizes; the first is N. */
  readonly shape: readonly number[];
  /** What rows are read as. */
  readonly type: 'float32';
  /** Copies some rows, by index from 0. */
  readonly read: (rows: Int32Array) => Float32Array;
}

/** What an encoder reads of items: token numbers and masks, or pictures. */
export type ItemContent = Readonly<Partial<Record<'ids' | 'mask' | 'types' | 'pixels', ItemArray>>>;

/** Where what is computed is kept. */
export interface KeepOptions {
  /**
   * Folder of a file that is named by the hash of the layers' weights and of the items; found there, nothing is
   * computed. Default: nothing is written.
   */
  readonly directory?: string;
  /** Bytes from which on rows stay in the file and are read when they are needed. Default 1 GiB. */
  readonly memory?: number;
  /** Told how many items are done. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** Items that are encoded together. */
const ITEMS_TOGETHER = 64;

/** Default of {@link KeepOptions.memory}. */
const MEMORY = 2 ** 30;

/** Blocks of items, each as large as the others: the last begins early enough. One program serves all. */
function* blocksOf(items: ItemContent): Generator<{ begin: number; size: number; block: EncoderInputs }> {
  const entries = Object.entries(items);
  const count = entries[0]![1].shape[0]!;
  const size = Math.min(ITEMS_TOGETHER, count);
  for (let from = 0; from < count; from += size) {
    const begin = Math.min(from, count - size);
    const block = entries.map(([name, { data, shape }]) => {
      const rest = shape.slice(1);
      const row = rest.reduce((a, b) => a * b, 1);
      const values = data.subarray(begin * row, (begin + size) * row);
      const type = data instanceof Int32Array ? 'int32' : 'float32';
      const floats = values instanceof Uint8Array ? Float32Array.from(values) : values;
      return [name, tf.tensor(floats, [size, ...rest], type)] as const;
    });
    yield { begin, size, block: Object.fromEntries(block) };
  }
}

/** SHA-256 of everything that decides what the layers give. */
function identity(encoder: Encoder, items: ItemContent, layers: number | undefined, pixels: unknown): string {
  const hash = createHash('sha256');
  const count = Object.values(items)[0]!.shape[0]!;
  const { family, config, pooling, normalise } = encoder;
  const ends = layers ?? [pooling, normalise];
  hash.update(JSON.stringify([family, config, ends, pixels, count]));
  for (const [name, variable] of flattenParameters(encoder.parameters))
    if (layers === undefined || frozenLayers([name], encoder.layers) < layers) {
      const values = variable.dataSync() as Float32Array;
      hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  for (const [name, { shape, data }] of Object.entries(items))
    hash
      .update(JSON.stringify([name, shape]))
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

/** Rows of a file of floats. */
function fileRows(path: string, shape: readonly number[]): ItemFile {
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return {
    shape,
    type: 'float32',
    read: (rows) => {
      const file = openSync(path, 'r');
      try {
        const made = new Float32Array(rows.length * size);
        const bytes = new Uint8Array(made.buffer);
        for (const [i, row] of rows.entries()) readSync(file, bytes, i * size * 4, size * 4, row * size * 4);
        return made;
      } finally {
        closeSync(file);
      }
    },
  };
}

/** Where computed rows go. */
interface Sink {
  put(rows: Float32Array, begin: number, width: number): void;
  done(): void;
  failed(): void;
}

/** A file that is there as a whole or not at all. */
function fileSink(path: string): Sink {
  const partial = `${path}.${randomUUID()}.partial`;
  makeDirectory(dirname(path));
  const file = openSync(partial, 'w');
  return {
    put: (rows, begin, width) => {
      writeSync(
        file,
        new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength),
        0,
        null,
        begin * width * 4,
      );
    },
    done: () => {
      closeSync(file);
      renameSync(partial, path);
    },
    failed: () => {
      closeSync(file);
      rmSync(partial, { force: true });
    },
  };
}

/**
 * What the lowest layers make of each item, [N, T, D], or where nothing is trained the vectors, [N, D].
 *
 * @param layers - How many; undefined: all, and what comes after them.
 * @param prepare - Inputs of the network from what is held of items: pictures from their bytes.
 * @param pixels - What `prepare` depends on, for the file's name.
 */
export async function lowerOf(
  encoder: Encoder,
  items: ItemContent,
  layers: number | undefined,
  prepare: (inputs: EncoderInputs) => EncoderInputs,
  pixels: unknown,
  { directory, memory = MEMORY, progress }: KeepOptions,
): Promise<ItemArray | ItemFile> {
  const count = Object.values(items)[0]!.shape[0]!;
  const path = directory && join(directory, `${identity(encoder, items, layers, pixels)}.f32`);
  const run = compile(
    (inputs: EncoderInputs): tf.Tensor =>
      layers === undefined
        ? encoder.vectors(encoder.parameters, prepare(inputs))
        : encoder.lower(encoder.parameters, prepare(inputs), layers),
    { name: `${encoder.family}.lower` },
  );
  let sink: Sink | undefined;
  let shape: number[] | undefined;
  let all: Float32Array | undefined;
  try {
    for (const { begin, size, block } of blocksOf(items)) {
      const made: tf.Tensor = run(block);
      const rows = (await made.data()) as Float32Array;
      const width = made.size / size;
      disposeNest([made, block]);
      if (!shape) {
        shape = [count, ...made.shape.slice(1)];
        const whole = statSync(path ?? '', { throwIfNoEntry: false })?.size === count * width * 4;
        const kept = path !== undefined && whole ? fileRows(path, shape) : undefined;
        const large = count * width * 4 >= memory;
        if (kept) {
          progress?.(count, count);
          return large ? kept : { shape, data: kept.read(Int32Array.from({ length: count }, (_, i) => i)) };
        }
        if (path !== undefined) sink = fileSink(path);
        if (path === undefined || !large) all = new Float32Array(count * width);
      }
      sink?.put(rows, begin, width);
      all?.set(rows, begin * width);
      progress?.(begin + size, count);
    }
    sink?.done();
  } catch (error) {
    sink?.failed();
    throw error;
  } finally {
    run.dispose();
  }
  return all ? { shape: shape!, data: all } : fileRows(path!, shape!);
}
