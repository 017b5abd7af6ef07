import { tf } from '@ferry/engine';
import type { FeatureMatrix, ItemBlocks, Modality } from '@ferry/features';
import {
  arrayTable,
  type ItemEncoders,
  type ItemTable,
  stackedTables,
  type StateArray,
} from '@ferry/training';

/** The part of a model's options that says which modalities it reads. */
export interface FeatureWidths {
  /** F of every modality in use. The order text, image is fixed. */
  featureWidths: Readonly<Partial<Record<Modality, number>>>;
}

/** The modalities in use, text before image. */
export function modalitiesOf(options: FeatureWidths): Modality[] {
  return (['text', 'image'] as const).filter((modality) => options.featureWidths[modality] !== undefined);
}

/** Raw features of V items. */
export interface ItemInputs {
  /** [V, F] of each modality in use; row 0 is padding, rows of items without the modality are zero. */
  features: Partial<Record<Modality, tf.Tensor>>;
  /**
   * [V, 1] of each modality in use: 1 where the item has it. Read with `missing: 'mask'` and in `contextual` sequences.
   */
  present: Partial<Record<Modality, tf.Tensor>>;
  /** [V, F] word-dropped text, where the step's augmented view is made by word drop. */
  words?: tf.Tensor;
  /** Whatever an encoder that is trained with the model reads, such as token ids: [V, ...], row 0 of zeros. */
  content?: Readonly<Record<string, tf.Tensor>>;
  /** int32 [V] item numbers, where V rows are not the whole catalogue in order: picks per-item parameters. */
  numbers?: tf.Tensor;
}

/** Features of one modality: in memory, or read from a file by blocks of rows (`openItemBlocks`). */
export type ItemFeatures = FeatureMatrix | ItemBlocks;

/** Features of a domain's items; item number i + 1 is row i of every matrix. */
export interface DomainFeatures {
  /** Text features. */
  text?: ItemFeatures;
  /** Image features. */
  image?: ItemFeatures;
  /** Features of the text with words dropped, for word drop in pre-training. */
  words?: FeatureMatrix;
  /**
   * What encoders that are trained with the model read of each item: [N, ...], by modality and name, such as
   * `text.ids`; arrays, or tables that are read row by row.
   */
  content?: Readonly<Record<string, StateArray | ItemTable>>;
  /** By modality whose encoder is trained with the model: 1 where an item has it. Uint8 [N] each. */
  present?: Readonly<Partial<Record<Modality, Uint8Array>>>;
  /** Number of items: needed where no modality is in use, checked elsewhere. */
  items?: number;
  /** Number of users: needed by models that have a vector for each. */
  users?: number;
}

/** The items a model works on: those of one domain, or of several one after the other. */
export interface Catalogue extends FeatureWidths {
  /** N: items of all domains. */
  items: number;
  /** U: users of the one domain; 0 where nobody said, or there are several domains. */
  users: number;
  /** First item number of each domain minus 1: added to a domain's own item numbers. */
  offsets: number[];
  /**
   * Tensors over all N + 1 rows, row 0 of zeros. Where features are read by blocks they are made when first asked for, as
   * training does; ranking reads {@link Catalogue.blocks} instead.
   */
  readonly inputs: ItemInputs;
  /** Features that are not in memory: of each modality in use, row i of item i + 1. Undefined where all are. */
  blocks?: Readonly<Partial<Record<Modality, ItemBlocks>>>;
  /** [N + 1] for each modality: 1 where the item has it. */
  present: Partial<Record<Modality, Uint8Array>>;
  /** Encoders that are trained with the model: what they make stands for the features of their modality. */
  encoders?: ItemEncoders;
  /** What they read, by item number, row 0 of zeros: [N + 1, ...]. Stays on the host. */
  content?: Readonly<Record<string, ItemTable>>;
  /** Frees the tensors. */
  dispose(): void;
}

/**
 * Puts the features of one or several domains on the device. Those of one domain alone may stay in their files: where all
 * its stored features are {@link ItemBlocks}, nothing is read before it is needed.
 *
 * @param options - Which modalities, and their widths.
 * @param domains - Features of each domain. All must have the modalities in use; words are used if all have them.
 * @param encoders - Encoders that are trained with the model, for modalities without stored features; all domains must
 *   have the content they read.
 * @throws Error naming the domain and modality where something is missing or of another width.
 */
export function createCatalogue(
  options: FeatureWidths,
  domains: readonly DomainFeatures[],
  encoders?: ItemEncoders,
): Catalogue {
  if (domains.length === 0) throw new Error('createCatalogue: at least one domain is needed, got none');
  const featureWidths = allWidths(options, encoders);
  const modalities = modalitiesOf({ featureWidths });
  const stored = modalities.filter((modality) => !encoders?.[modality]);
  const counts = domains.map((domain, d) => {
    const sizes = stored.map((modality) => {
      const matrix = domain[modality];
      const width = options.featureWidths[modality]!;
      if (!matrix) throw new Error(`createCatalogue: domain ${d} must have ${modality} features, got none`);
      if (matrix.width !== width)
        throw new Error(
          `createCatalogue: ${modality} features of domain ${d} must be ${width} wide, got ${matrix.width}`,
        );
      return matrix.count;
    });
    for (const modality of modalities)
      if (encoders?.[modality]) sizes.push(presentOf(domain, modality, d).length);
    if (domain.items !== undefined) sizes.push(domain.items);
    const [count] = sizes;
    if (count === undefined)
      throw new Error(`createCatalogue: domain ${d} must have features or a number of items, got neither`);
    if (sizes.some((size) => size !== count))
      throw new Error(
        `createCatalogue: all features of domain ${d} must have as many rows, got ${sizes.join(', ')}`,
      );
    return count;
  });
  const offsets = counts.map((_, d) => counts.slice(0, d).reduce((a, b) => a + b, 0));
  const items = counts.reduce((a, b) => a + b, 0);

  const inputs: ItemInputs = { features: {}, present: {} };
  const present: Catalogue['present'] = {};
  for (const modality of modalities) {
    const flags = new Uint8Array(items + 1);
    domains.forEach((domain, d) => {
      const own = encoders?.[modality] ? presentOf(domain, modality, d) : domain[modality]!.present;
      flags.set(own, offsets[d]! + 1);
    });
    present[modality] = flags;
    inputs.present[modality] = tf.tensor2d(Float32Array.from(flags), [items + 1, 1]);
  }
  const words = domains.every((domain) => domain.words) && stored.includes('text');
  if (words) {
    const width = options.featureWidths.text!;
    domains.forEach(({ words: matrix }, d) => {
      if (matrix!.width !== width || matrix!.count !== counts[d])
        throw new Error(
          `createCatalogue: word-dropped text of domain ${d} must be [${counts[d]!}, ${width}], got ` +
            `[${matrix!.count}, ${matrix!.width}]`,
        );
    });
    inputs.words = joinRows(
      domains.map((domain) => domain.words!),
      width,
    );
  }
  const content = joinContent(domains, counts);
  const blocks = storedBlocks(domains, stored);
  if (!blocks)
    for (const modality of stored)
      inputs.features[modality] = joinRows(
        domains.map((domain) => domain[modality] as FeatureMatrix),
        featureWidths[modality]!,
      );
  return {
    featureWidths,
    encoders,
    content,
    items,
    users: domains.length === 1 ? (domains[0]!.users ?? 0) : 0,
    offsets,
    get inputs() {
      // Features in files are read whole by the first who asks for them whole.
      for (const [modality, file] of Object.entries(blocks ?? {}) as [Modality, ItemBlocks][])
        inputs.features[modality] ??= readRows(file);
      return inputs;
    },
    blocks,
    present,
    dispose: () => {
      tf.dispose([...Object.values(inputs.features), ...Object.values(inputs.present)]);
      inputs.words?.dispose();
    },
  };
}

/** The features of a domain that are read by blocks; undefined where all are in memory. */
function storedBlocks(
  domains: readonly DomainFeatures[],
  stored: readonly Modality[],
): Catalogue['blocks'] | undefined {
  const apart = stored.filter((modality) => domains.some((domain) => 'rows' in domain[modality]!));
  if (apart.length === 0) return undefined;
  if (domains.length > 1 || apart.length < stored.length || domains[0]!.words)
    throw new Error(
      'createCatalogue: features are read by blocks for one domain, all of its modalities, and without words dropped; ' +
        `got ${domains.length} domains, ${apart.join(' and ')} by blocks of ${stored.join(' and ')}` +
        (domains[0]!.words ? ', and words dropped' : ''),
    );
  return Object.fromEntries(stored.map((modality) => [modality, domains[0]![modality] as ItemBlocks]));
}

/** All rows of a file, [N + 1, width], row 0 of zeros. */
function readRows({ count, width, rows }: ItemBlocks): tf.Tensor {
  const values = new Float32Array((count + 1) * width);
  rows(0, count, values.subarray(width));
  return tf.tensor2d(values, [count + 1, width]);
}

/** Widths of stored features and of encoders' vectors, text before image. */
function allWidths(
  { featureWidths }: FeatureWidths,
  encoders: ItemEncoders = {},
): FeatureWidths['featureWidths'] {
  return Object.fromEntries(
    (['text', 'image'] as const).flatMap((modality) => {
      const width = encoders[modality]?.width ?? featureWidths[modality];
      return width === undefined ? [] : [[modality, width]];
    }),
  );
}

/** Which items have the modality of an encoder. */
function presentOf({ present }: DomainFeatures, modality: Modality, d: number): Uint8Array {
  const flags = present?.[modality];
  if (!flags)
    throw new Error(
      `createCatalogue: domain ${d} must say which items have ${modality} to encode, got nothing`,
    );
  return flags;
}

/**
 * Rows of all matrices one after the other, [N + 1, width], row 0 of zeros. Not a closure of `createCatalogue`: what
 * its closures see lives as long as the catalogue, and so would the matrices it was made from.
 */
function joinRows(matrices: readonly FeatureMatrix[], width: number): tf.Tensor {
  const rows = matrices.reduce((sum, matrix) => sum + matrix.count, 1);
  const values = new Float32Array(rows * width);
  let row = 1;
  for (const { data, count } of matrices) {
    values.set(data, row * width);
    row += count;
  }
  return tf.tensor2d(values, [rows, width]);
}

/** What trained encoders read, of all domains one after the other: [N + 1, ...], row 0 of zeros. */
function joinContent(
  domains: readonly DomainFeatures[],
  counts: readonly number[],
): Record<string, ItemTable> | undefined {
  const [first] = domains;
  if (!first?.content) return undefined;
  return Object.fromEntries(
    Object.entries(first.content).map(
      ([
        name,
        {
          shape: [, ...rest],
        },
      ]) => [
        name,
        stackedTables(
          domains.map(({ content }, d) => {
            const own = content?.[name];
            const want = [counts[d]!, ...rest].join(', ');
            if (own?.shape.join(', ') !== want)
              throw new Error(
                `createCatalogue: content '${name}' of domain ${d} must be [${want}], got ` +
                  (own ? `[${own.shape.join(', ')}]` : 'none'),
              );
            return 'read' in own ? own : arrayTable(own);
          }),
        ),
      ],
    ),
  );
}

/** The same items with something left out; only what differs is new. */
export interface CatalogueView {
  /** Tensors over all N + 1 rows. */
  inputs: ItemInputs;
  /** Frees what is new. */
  dispose(): void;
}

/**
 * The same items as if some modalities were missing for all of them: their features are zero and their marks say so.
 * Without word-dropped text.
 */
export function withoutModalities(catalogue: Catalogue, without: readonly Modality[]): CatalogueView {
  const { features: all, present } = catalogue.inputs;
  const view: ItemInputs = { features: { ...all }, present: { ...present } };
  const made: tf.Tensor[] = [];
  for (const modality of without) {
    const features = all[modality];
    if (!features) throw new Error(`withoutModalities: the model has no ${modality} to leave out`);
    made.push((view.features[modality] = tf.zerosLike(features)));
    made.push((view.present[modality] = tf.zerosLike(present[modality]!)));
  }
  return {
    inputs: view,
    dispose: () => {
      tf.dispose(made);
    },
  };
}
