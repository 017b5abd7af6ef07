import { RandomStream } from '@ferry/engine';
import type { FeatureMatrix } from '@ferry/features';
import { disposeParameters, flattenParameters, type SafetensorsTensor } from '@ferry/nn';
import {
  type ArchiveLimits,
  floats,
  type PthTensor,
  readStateDict,
  tableRows,
  tokenRows,
} from '@ferry/torch';
import { missRecOptions, type MissRecOptions } from '../options.ts';
import { createMissRecParameters } from '../parameters.ts';
import { releasedName } from './names.ts';
import { matchRows, type RowMap } from './rowMap.ts';

/** What {@link importReleased} is told besides the file. */
export interface ImportSettings {
  /** Name of the file for messages. */
  file: string;
  /**
   * The domain whose items the checkpoint's rows are: its features, to match rows by, or `tokens` with the domain's
   * `ids`. Without a domain only what is not tied to items is taken over, as from a pre-training checkpoint.
   */
  domain?:
    | {
        /** Text features, those the checkpoint was trained on. */
        text?: FeatureMatrix;
        /** Image features. */
        image?: FeatureMatrix;
        /**
         * Item numbers in RecBole's order (`recboleOrder` of `@ferry/data`): tells items apart whose features are all
         * equal.
         */
        order?: Int32Array;
        /** Raw ids of the domain's items, with `tokens`. */
        ids?: readonly string[];
        /** Raw id of the item in each row of the checkpoint, from row 1 on; then features are not needed. */
        tokens?: readonly string[];
      }
    | undefined;
  /** H, which no weight tells. Default 4, the released code's. */
  heads?: number;
  /** Against archives that unpack to far more than they are. */
  limits?: ArchiveLimits;
}

/** A released checkpoint in Ferry's terms. */
export interface ImportedModel {
  /** What recipes call it. */
  model: 'missrec';
  /** Options of the `released` preset with the sizes of the file. */
  options: MissRecOptions;
  /** Weights, and interests if the file has them, under the names of a Ferry checkpoint. */
  tensors: Map<string, SafetensorsTensor>;
  /** N: items the tensors are for; 0 without a domain. */
  items: number;
  /** How items were found; absent without a domain. */
  rows?: RowMap;
  /** Entries of the file that were left out: frozen features and masks, which Ferry reads from the domain. */
  ignored: string[];
}

/**
 * Turns a checkpoint of the released PyTorch code (spec 14) into tensors of a Ferry checkpoint. Nothing in the file is
 * run: see {@link readStateDict}.
 *
 * @param bytes - The `.pth` file.
 * @param settings - The domain, to map item rows.
 * @throws Error naming what is missing or of a wrong shape.
 */
export function importReleased(bytes: Uint8Array, settings: ImportSettings): ImportedModel {
  const { file, domain, heads = 4, limits } = settings;
  const source = readStateDict(bytes, file, limits);
  const rows =
    domain &&
    (domain.tokens
      ? { rowOf: tokenRows(domain.tokens, domain.ids ?? []), ambiguous: 0 }
      : matchRows(source, domain));
  const items = rows ? rows.rowOf.length - 1 : 0;
  const options = optionsOf(source, file, { heads, withItems: rows !== undefined });
  const tensors = new Map<string, SafetensorsTensor>();
  const used = new Set<string>();
  const problems: string[] = [];
  // A throw-away model tells names and shapes.
  const shapes = createMissRecParameters(options, Math.max(items, 1), RandomStream.fromSeed(0));
  for (const [name, { shape }] of flattenParameters(shapes)) {
    const theirs = releasedName(name);
    const tensor = source.get(theirs);
    used.add(theirs);
    if (!tensor) {
      problems.push(`"${theirs}" is missing`);
      continue;
    }
    const perItem = name.startsWith('itemEmbedding.') || (name === 'fusionFactor' && shape.length === 1);
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i]))
      problems.push(`"${theirs}" must be [${shape.join(', ')}], got [${tensor.shape.join(', ')}]`);
    else {
      const values = floats(tensor);
      if (!values) {
        problems.push(`"${theirs}" must hold floats, got ${tensor.dtype}`);
        continue;
      }
      const data = perItem && rows ? tableRows(values, rows.rowOf, values.length / shape[0]) : values;
      tensors.set(name, { dtype: 'F32', shape: [...shape], data });
    }
  }
  disposeParameters(shapes);
  if (problems.length > 0)
    throw new Error(`importReleased: ${file} is no MISSRec checkpoint: ${problems.join('; ')}`);
  if (rows) addInterests(source, rows.rowOf, { tensors, used, file, options });
  return {
    model: 'missrec',
    options,
    tensors,
    items,
    rows,
    ignored: [...source.keys()].filter((name) => !used.has(name)),
  };
}

/** Sizes read off the weights. */
function optionsOf(
  source: ReadonlyMap<string, PthTensor>,
  file: string,
  { heads, withItems }: { heads: number; withItems: boolean },
): MissRecOptions {
  const size = (name: string, axis: number): number | undefined => source.get(name)?.shape[axis];
  const width = size('LayerNorm.weight', 0);
  const positions = size('position_embedding.weight', 0);
  const inner = size('trm_model.encoder.layers.0.linear1.weight', 0);
  const text = size('text_adaptor.weight', 1);
  const image = size('img_adaptor.weight', 1);
  if (width === undefined || positions === undefined || inner === undefined || (text ?? image) === undefined)
    throw new Error(
      `importReleased: ${file} is no MISSRec checkpoint: it must hold LayerNorm.weight, position_embedding.weight, ` +
        'trm_model.encoder.layers.0.linear1.weight and an adaptor, got ' +
        ([...source.keys()].slice(0, 8).join(', ') || 'nothing'),
    );
  const factor = source.get('fusion_factor');
  const itemFusion = !factor ? 'static' : factor.shape.length === 0 ? 'shared' : 'per-item';
  return missRecOptions({
    preset: 'released',
    task: 'finetune',
    featureWidths: { ...(text !== undefined && { text }), ...(image !== undefined && { image }) },
    width,
    heads,
    inner,
    positions,
    ids: withItems && source.has('item_embedding.weight'),
    itemFusion: withItems || itemFusion !== 'per-item' ? itemFusion : 'static',
  });
}

/** Interest tables of the checkpoint, in the order of the domain's items; nothing of them where one is missing. */
function addInterests(
  source: ReadonlyMap<string, PthTensor>,
  rowOf: Int32Array,
  target: {
    tensors: Map<string, SafetensorsTensor>;
    used: Set<string>;
    file: string;
    options: MissRecOptions;
  },
): void {
  const { tensors, used, file, options } = target;
  const lookups = (
    [
      ['text', 'plm_interest_lookup_table'],
      ['image', 'img_interest_lookup_table'],
    ] as const
  ).filter(([modality]) => options.featureWidths[modality] !== undefined);
  const centres = source.get('interest_embeddings');
  if (!centres || lookups.some(([, name]) => !source.has(name))) return;
  const [rows, width] = centres.shape;
  const values = floats(centres);
  if (!values || rows === undefined || centres.shape.length !== 2 || width !== options.width)
    throw new Error(
      `importReleased: ${file}: "interest_embeddings" must be float [K + 1, ${options.width}], got ` +
        `${centres.dtype} [${centres.shape.join(', ')}]`,
    );
  used.add('interest_embeddings');
  tensors.set('interests.centres', { dtype: 'F32', shape: [rows, width], data: values });
  for (const [modality, name] of lookups) {
    const table = source.get(name)!;
    if (table.data.length !== rowOf.length)
      throw new Error(
        `importReleased: ${file}: "${name}" must be [${rowOf.length}], got [${table.shape.join(', ')}]`,
      );
    const data = rowOf.map((row) => Number(table.data[row]));
    const wrong = data.find((id) => !(id >= 0 && id < rows));
    if (wrong !== undefined)
      throw new Error(`importReleased: ${file}: "${name}" must hold 0..${rows - 1}, got ${wrong}`);
    used.add(name);
    tensors.set(`interests.${modality}`, { dtype: 'I32', shape: [data.length], data });
  }
}
