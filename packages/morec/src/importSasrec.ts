import type { SafetensorsTensor } from '@ferry/nn';
import {
  type ArchiveLimits,
  floats,
  type PthTensor,
  readStateDict,
  tableRows,
  tokenRows,
} from '@ferry/torch';
import { sasrec, type SasRecOptions } from './sasrec.ts';

/** What {@link importSasrec} is told besides the file. */
export interface SasrecImportSettings {
  /** Name of the file for messages. */
  file: string;
  /** Raw ids of the domain's items. */
  ids: readonly string[];
  /**
   * Raw id of the item in each row of the checkpoint's table, from row 1 on. Default: ids are row numbers themselves,
   * as in S3Rec's data files.
   */
  tokens?: readonly string[];
  /** H, which no weight tells. Default 2. */
  heads?: number;
  /** Against archives that unpack to far more than they are. */
  limits?: ArchiveLimits;
}

/** A checkpoint in Ferry's terms. */
export interface ImportedSasrec {
  /** Settings with the sizes of the file. */
  options: SasRecOptions;
  /** Weights under the names of a Ferry checkpoint. */
  tensors: Map<string, SafetensorsTensor>;
  /** Entries of the file that are not weights of the model. */
  ignored: string[];
}

/** The names that a lineage gives to weights; `$` is the number of a block. */
interface Lineage {
  preset: 's3rec' | 'recbole';
  items: string;
  positions: string;
  block: string;
  attention: string;
  feedForward: string;
}

const lineages: readonly Lineage[] = [
  {
    preset: 's3rec',
    items: 'item_embeddings.weight',
    positions: 'position_embeddings.weight',
    block: 'item_encoder.layer.$.',
    attention: 'attention.',
    feedForward: 'intermediate.',
  },
  {
    preset: 'recbole',
    items: 'item_embedding.weight',
    positions: 'position_embedding.weight',
    block: 'trm_encoder.layer.$.',
    attention: 'multi_head_attention.',
    feedForward: 'feed_forward.',
  },
];

/**
 * Turns a PyTorch checkpoint of S3Rec's or RecBole's SASRec into tensors of a Ferry checkpoint. Nothing in the file is
 * run: see `readStateDict`.
 *
 * @param bytes - The file, of either of `torch.save`'s forms.
 * @param settings - The domain's items.
 * @throws Error naming what is missing or of a wrong shape, or the first item without a row.
 */
export function importSasrec(bytes: Uint8Array, settings: SasrecImportSettings): ImportedSasrec {
  const { file, ids, tokens, heads = 2, limits } = settings;
  const source = new Source(readStateDict(bytes, file, limits), file);
  const lineage = lineages.find(({ items }) => source.has(items));
  if (!lineage)
    throw new Error(
      `importSasrec: ${file} is no SASRec checkpoint of S3Rec's or RecBole's form: ` +
        `it must have ${lineages.map(({ items }) => items).join(' or ')}, got ${source.names()}`,
    );
  const [rows, width] = source.shape(lineage.items, 2) as [number, number];
  const [positions] = source.shape(lineage.positions, 2) as [number];
  const block = (i: number) => lineage.block.replace('$', String(i));
  let layers = 0;
  while (source.has(`${block(layers)}${lineage.attention}query.weight`)) layers++;
  if (layers === 0)
    throw new Error(`importSasrec: ${file} has no ${block(0)}${lineage.attention}query.weight`);
  const [inner] = source.shape(`${block(0)}${lineage.feedForward}dense_1.weight`, 2) as [number];
  const options = sasrec.complete!(
    sasrec.options.parse({ preset: lineage.preset, width, layers, heads, inner, positions }) as object,
    { task: 'finetune', featureWidths: {} },
  );

  const rowOf = tokens ? tokenRows(tokens, ids) : numberedRows(ids, rows, file);
  const tensors = new Map<string, SafetensorsTensor>();
  const put = (name: string, shape: number[], data: Float32Array): void => {
    tensors.set(name, { dtype: 'F32', shape, data });
  };
  put(
    'items.ids.weight',
    [rowOf.length, width],
    tableRows(source.take(lineage.items, [rows, width]), rowOf, width),
  );
  put('positions.weight', [positions, width], source.take(lineage.positions, [positions, width]));
  const norm = (ours: string, theirs: string): void => {
    for (const part of ['weight', 'bias'])
      put(`${ours}.${part}`, [width], source.take(`${theirs}.${part}`, [width]));
  };
  const linear = (ours: string, theirs: string, outputs: number, inputs: number): void => {
    put(`${ours}.weight`, [outputs, inputs], source.take(`${theirs}.weight`, [outputs, inputs]));
    put(`${ours}.bias`, [outputs], source.take(`${theirs}.bias`, [outputs]));
  };
  norm('inputNorm', 'LayerNorm');
  for (let i = 0; i < layers; i++) {
    const ours = `encoder.layers.${i}`;
    const attention = `${block(i)}${lineage.attention}`;
    const feedForward = `${block(i)}${lineage.feedForward}`;
    // Ferry projects queries, keys and values by one product.
    for (const [part, shape] of [
      ['weight', [width, width]],
      ['bias', [width]],
    ] as const) {
      const stacked = ['query', 'key', 'value'].map((name) =>
        source.take(`${attention}${name}.${part}`, shape),
      );
      const all = Float32Array.from(stacked.flatMap((values) => Array.from(values)));
      put(`${ours}.selfAttention.inProjection.${part}`, [3 * width, ...shape.slice(1)], all);
    }
    linear(`${ours}.selfAttention.outProjection`, `${attention}dense`, width, width);
    norm(`${ours}.norm1`, `${attention}LayerNorm`);
    linear(`${ours}.linear1`, `${feedForward}dense_1`, inner, width);
    linear(`${ours}.linear2`, `${feedForward}dense_2`, width, inner);
    norm(`${ours}.norm2`, `${feedForward}LayerNorm`);
  }
  return { options, tensors, ignored: source.unused() };
}

/** A state dict that remembers what was taken. */
class Source {
  readonly #tensors: ReadonlyMap<string, PthTensor>;
  readonly #file: string;
  readonly #used = new Set<string>();

  constructor(tensors: ReadonlyMap<string, PthTensor>, file: string) {
    this.#tensors = tensors;
    this.#file = file;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  names(): string {
    return [...this.#tensors.keys()].slice(0, 5).join(', ') || 'nothing';
  }

  shape(name: string, rank: number): readonly number[] {
    const { shape } = this.#get(name);
    if (shape.length !== rank)
      throw new Error(
        `importSasrec: ${this.#file}: "${name}" must have ${rank} dimensions, got [${shape.join(', ')}]`,
      );
    return shape;
  }

  take(name: string, shape: readonly number[]): Float32Array {
    const tensor = this.#get(name);
    const values = floats(tensor);
    if (!values || tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i]))
      throw new Error(
        `importSasrec: ${this.#file}: "${name}" must be floats [${shape.join(', ')}], got ${tensor.dtype} ` +
          `[${tensor.shape.join(', ')}]`,
      );
    this.#used.add(name);
    return values;
  }

  unused(): string[] {
    return [...this.#tensors.keys()].filter((name) => !this.#used.has(name));
  }

  #get(name: string): PthTensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new Error(`importSasrec: ${this.#file}: "${name}" is missing`);
    return tensor;
  }
}

/** Rows of items whose ids are the row numbers: 1 to rows - 1. Int32 [N + 1]. */
function numberedRows(ids: readonly string[], rows: number, file: string): Int32Array {
  const rowOf = new Int32Array(ids.length + 1);
  ids.forEach((id, i) => {
    const row = /^\d+$/.test(id) ? Number(id) : NaN;
    if (!(row >= 1 && row < rows))
      throw new Error(
        `importSasrec: ${file}: ids of items must be row numbers 1..${rows - 1} of its table unless a token list ` +
          `is given, got "${id}"`,
      );
    rowOf[i + 1] = row;
  });
  return rowOf;
}
