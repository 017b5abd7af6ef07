/**
 * LoRA (Hu et al., ICLR 2022): beside a frozen matrix W of a linear layer the product of two small ones is trained, `W
 * + (alpha / rank) B A`, equal to `peft`. Its files are peft's too: `adapter_config.json` and
 * `adapter_model.safetensors`, a few MB.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, readObject } from '@ferry/data';
import { type RandomStream, tf } from '@ferry/engine';
import {
  flattenParameters,
  init,
  loadParameters,
  matchGlob,
  parameter,
  type Parameters,
  saveParameters,
} from '@ferry/nn';
import type { Encoder } from './encoder.ts';

/** Which weights get small matrices, and of what rank. */
export interface LoraOptions {
  /** r: rows of A and columns of B. */
  readonly rank: number;
  /** What B A is multiplied by, times the rank. Default the rank: by 1. */
  readonly alpha?: number;
  /**
   * Globs of names of matrices, such as `layers.*.attention.value.weight`. Default queries and values of all layers
   * (where one matrix makes them and the keys, that one).
   */
  readonly targets?: readonly string[];
}

/** Small matrices of an encoder. */
export interface Lora {
  /** Rank, factor and targets. */
  readonly options: Required<LoraOptions>;
  /** `layers.0.attention.query.a` [r, I] and `…b` [O, r] … */
  readonly parameters: Parameters;
}

/** The matrices of queries and values. */
const usual = ['query', 'value', 'joint'].map((name) => `layers.*.attention.${name}.weight`);

type Tree = Record<string, unknown>;

/** Puts a value into a tree under a dotted name. */
function put(tree: Tree, path: readonly string[], value: Tree): void {
  const [key, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) tree[key] = value;
  else put((tree[key] ??= {}) as Tree, rest, value);
}

/**
 * Small matrices for an encoder, which change nothing yet: A uniform in ±1/√I, B zero, as peft begins.
 *
 * @throws Error if a target matches no matrix, or the rank is no positive integer.
 */
export function createLora(
  encoder: Pick<Encoder, 'parameters'>,
  { rank, alpha = rank, targets: wanted }: LoraOptions,
  random: RandomStream,
): Lora {
  if (!Number.isInteger(rank) || rank < 1)
    throw new Error(`createLora: rank must be a positive integer, got ${rank}`);
  const matrices = [...flattenParameters(encoder.parameters)].filter(([, { rank: axes }]) => axes === 2);
  const matches = (glob: string): boolean => matrices.some(([name]) => matchGlob(glob, name));
  const targets = wanted ?? (usual.some(matches) ? usual.filter(matches) : usual);
  const idle = targets.find((glob) => !matches(glob));
  if (idle !== undefined)
    throw new Error(
      `createLora: every target must match a matrix, got "${idle}" among ${matrices.map(([name]) => name).join(', ')}`,
    );
  const tree: Tree = {};
  for (const [name, { shape }] of matrices) {
    if (!targets.some((glob) => matchGlob(glob, name))) continue;
    const [O, I] = shape as [number, number];
    const first = init.uniform(1 / Math.sqrt(I))([rank, I], random.split(name));
    put(tree, name.replace(/\.weight$/, '').split('.'), {
      a: parameter(first, [rank, I]),
      b: parameter(new Float32Array(O * rank), [O, rank]),
    });
  }
  return { options: { rank, alpha, targets }, parameters: tree as Parameters };
}

/**
 * Weights of an encoder with the products of small matrices added, to be passed to its functions in place of its
 * parameters. Differentiable by A, B and W.
 *
 * @param p - The encoder's parameters.
 * @param lora - Small matrices; `parameters` may be any tensors in their places.
 */
export function withLora(
  p: Parameters,
  { options, parameters }: Pick<Lora, 'options' | 'parameters'>,
): Parameters {
  const scale = options.alpha / options.rank;
  const merged = (weight: tf.Tensor, { a, b }: { a: tf.Tensor; b: tf.Tensor }): tf.Tensor =>
    tf.add(weight, tf.mul(tf.matMul(b, a), scale));
  const join = (own: Parameters, added: Parameters): Parameters =>
    Object.fromEntries(
      Object.entries(own).map(([key, value]) => {
        const beside = added[key] as Parameters | undefined;
        if (!beside || value === undefined) return [key, value];
        // A table has its small matrices at its own name, a linear layer at the layer's.
        if (value instanceof tf.Tensor) return [key, merged(value, beside as never)];
        if (beside['a'] instanceof tf.Tensor)
          return [key, { ...value, weight: merged(value['weight'] as tf.Tensor, beside as never) }];
        return [key, join(value, beside)];
      }),
    ) as Parameters;
  return join(p, parameters);
}

/** Adds the products to the encoder's weights for good: the same outputs without small matrices. */
export function mergeLora({ parameters }: Pick<Encoder, 'parameters'>, lora: Lora): void {
  tf.tidy(() => {
    const merged = flattenTensors(withLora(parameters, lora));
    for (const [name, variable] of flattenParameters(parameters)) {
      const value = merged.get(name)!;
      if (value !== variable) variable.assign(value);
    }
  });
}

function flattenTensors(tree: Parameters, prefix = ''): Map<string, tf.Tensor> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]): [string, tf.Tensor][] => {
      if (value === undefined) return [];
      return value instanceof tf.Tensor
        ? [[prefix + key, value]]
        : [...flattenTensors(value, `${prefix}${key}.`)];
    }),
  );
}

/** Names in peft's file of the small matrices, by ours. */
function peftNames(
  encoder: Pick<Encoder, 'names'>,
  { parameters }: Pick<Lora, 'parameters'>,
): Map<string, string> {
  return new Map(
    [...flattenParameters(parameters).keys()].map((name) => {
      const layer = name.replace(/\.[ab]$/, '');
      const theirs = encoder.names.get(`${layer}.weight`) ?? encoder.names.get(layer)!;
      const part = name.endsWith('.a') ? 'lora_A' : 'lora_B';
      return [name, `base_model.model.${theirs.replace(/\.weight$/, '')}.${part}.weight`];
    }),
  );
}

/**
 * Writes small matrices as peft does, for `PeftModel.from_pretrained` and {@link loadLora}.
 *
 * @param directory - Made if it is not there.
 */
export async function saveLora(directory: string, encoder: Encoder, lora: Lora): Promise<void> {
  makeDirectory(directory);
  const names = peftNames(encoder, lora);
  const { rank, alpha } = lora.options;
  const modules = [...names.values()].filter((name) => name.endsWith('lora_A.weight'));
  const config = {
    peft_type: 'LORA',
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    target_modules: modules.map((name) => name.slice('base_model.model.'.length, -'.lora_A.weight'.length)),
  };
  await writeFile(join(directory, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`);
  const tensors = new Map(
    [...flattenParameters(lora.parameters)].map(([name, value]) => [names.get(name)!, value]),
  );
  await saveParameters(join(directory, 'adapter_model.safetensors'), tensors, { format: 'pt' });
}

const off = (value: unknown): boolean => value === false || value === null;
const empty = (value: unknown): boolean => value === null || Object.keys(value as object).length === 0;

/** Keys of peft's settings under which an adapter is another one than it looks, and when it is not. */
const plain: Readonly<Record<string, (value: unknown) => boolean>> = {
  peft_type: (value) => value === 'LORA',
  bias: (value) => value === 'none',
  use_rslora: off,
  use_dora: off,
  fan_in_fan_out: off,
  lora_bias: off,
  // Ranks and factors of single layers, and layers that are trained whole.
  rank_pattern: empty,
  alpha_pattern: empty,
  modules_to_save: empty,
};

/**
 * Reads small matrices that {@link saveLora} or peft wrote, of plain LoRA.
 *
 * @throws Error naming the file and what does not fit the encoder.
 */
export async function loadLora(directory: string, encoder: Encoder, random: RandomStream): Promise<Lora> {
  const where = join(directory, 'adapter_config.json');
  const config = await readObject(where);
  if (!config)
    throw new Error(`loadLora: ${where} must say what the small matrices are, and there is no such file`);
  const { r: rank, lora_alpha: alpha, target_modules: modules } = config;
  if (
    typeof rank !== 'number' ||
    typeof alpha !== 'number' ||
    !(typeof modules === 'string' || Array.isArray(modules))
  )
    throw new Error(
      `${where}: r, lora_alpha and target_modules must be given, got ${JSON.stringify(config)}`,
    );
  const changed = Object.entries(plain).find(([key, holds]) => key in config && !holds(config[key]));
  if (changed)
    throw new Error(
      `${where}: plain LoRA without biases is read, got ${changed[0]} ${JSON.stringify(config[changed[0]])}`,
    );
  const hits = (theirs: string): boolean =>
    typeof modules === 'string'
      ? new RegExp(`^(?:${modules})$`).test(theirs)
      : modules.some((name) => theirs === name || theirs.endsWith(`.${String(name)}`));
  const targets = [...flattenParameters(encoder.parameters)]
    .filter(([name, { rank: axes }]) => axes === 2 && hits(encoder.names.get(name)!.replace(/\.weight$/, '')))
    .map(([name]) => name);
  const lora = createLora(encoder, { rank, alpha, targets }, random);
  const names = peftNames(encoder, lora);
  await loadParameters(join(directory, 'adapter_model.safetensors'), lora.parameters, {
    rename: (name) => names.get(name)!,
  });
  return lora;
}
