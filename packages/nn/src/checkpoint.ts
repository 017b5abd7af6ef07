import { tf } from '@ferry/engine';
import { flattenParameters, type Parameters } from './parameters.ts';
import { readSafetensors, type SafetensorsTensor, toFloat32, writeSafetensors } from './safetensors.ts';

/** Tensors by name, or a tree of them. */
export type NamedVariables = Parameters | ReadonlyMap<string, tf.Variable>;

function named(variables: NamedVariables): ReadonlyMap<string, tf.Variable> {
  return variables instanceof Map ? variables : flattenParameters(variables as Parameters);
}

/**
 * Writes parameters (or an optimiser's state) to a safetensors file: float32 as F32, int32 as I32, bool as BOOL.
 *
 * @param path - The file; its folder must exist. It is replaced in one step.
 * @param variables - What to write.
 * @param metadata - Texts to keep with them.
 */
export async function saveParameters(
  path: string,
  variables: NamedVariables,
  metadata?: Record<string, string>,
): Promise<void> {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, variable] of named(variables)) {
    const data = await variable.data();
    if (data instanceof Float32Array) tensors.set(name, { dtype: 'F32', shape: variable.shape, data });
    else if (data instanceof Int32Array) tensors.set(name, { dtype: 'I32', shape: variable.shape, data });
    else tensors.set(name, { dtype: 'BOOL', shape: variable.shape, data });
  }
  await writeSafetensors(path, tensors, metadata);
}

/** What {@link loadParameters} found. */
export interface LoadReport {
  /** Parameters that the file does not hold; they keep their values. */
  missing: string[];
  /** Tensors of the file that belong to no parameter; they are left out. */
  unexpected: string[];
  /** The file's own texts. */
  metadata: Record<string, string>;
}

/** Options of {@link loadParameters}. */
export interface LoadOptions {
  /** Whether file and parameters must have the same names. Default true. */
  strict?: boolean;
  /** The name in the file of the parameter with this name. Default the same. */
  rename?: (name: string) => string;
}

/**
 * Reads parameters from a safetensors file into the variables that hold them. Float parameters take F32, F16 and BF16,
 * integer parameters I32 and I64 (if in range), bool parameters BOOL. Nothing is changed unless everything fits.
 *
 * @param path - The file.
 * @param variables - Where to put the values.
 * @param options - Strictness and names.
 * @throws Error naming the file and every parameter that does not fit: wrong shape or format and, unless `strict` is
 *   false, names on one side only.
 */
export async function loadParameters(
  path: string,
  variables: NamedVariables,
  { strict = true, rename = (name) => name }: LoadOptions = {},
): Promise<LoadReport> {
  const { tensors, metadata } = await readSafetensors(path);
  const wanted = [...named(variables)].map(([name, variable]) => ({ name: rename(name), variable }));
  const names = new Set(wanted.map(({ name }) => name));
  const missing = [...names].filter((name) => !tensors.has(name));
  const unexpected = [...tensors.keys()].filter((name) => !names.has(name));
  const problems: string[] = [];
  if (strict) {
    problems.push(...missing.map((name) => `"${name}" is missing`));
    problems.push(...unexpected.map((name) => `"${name}" belongs to no parameter`));
  }
  const loads: { variable: tf.Variable; values: Float32Array | Int32Array | Uint8Array }[] = [];
  for (const { name, variable } of wanted) {
    const tensor = tensors.get(name);
    if (!tensor) continue;
    const values = fit(tensor, variable);
    if (typeof values === 'string') problems.push(`"${name}" ${values}`);
    else loads.push({ variable, values });
  }
  if (problems.length > 0)
    throw new Error(`loadParameters: ${path} must fit the parameters, got ${problems.join('; ')}`);
  for (const { variable, values } of loads)
    tf.tidy(() => {
      variable.assign(tf.tensor(values, variable.shape, variable.dtype));
    });
  return { missing, unexpected, metadata };
}

/** The values for a variable, or what is wrong with them. */
function fit(
  tensor: SafetensorsTensor,
  variable: tf.Variable,
): Float32Array | Int32Array | Uint8Array | string {
  const { dtype, shape, data } = tensor;
  if (shape.length !== variable.shape.length || shape.some((n, i) => n !== variable.shape[i]))
    return `has shape [${shape.join(', ')}] instead of [${variable.shape.join(', ')}]`;
  if (variable.dtype === 'float32' && (dtype === 'F32' || dtype === 'F16' || dtype === 'BF16'))
    return toFloat32(tensor);
  if (variable.dtype === 'bool' && dtype === 'BOOL') return data as Uint8Array;
  if (variable.dtype === 'int32' && dtype === 'I32') return data as Int32Array;
  if (variable.dtype === 'int32' && dtype === 'I64') {
    const wide = data as BigInt64Array;
    const outside = wide.find((value) => BigInt.asIntN(32, value) !== value);
    return outside === undefined
      ? Int32Array.from(wide, Number)
      : `holds ${String(outside)}, which is no 32-bit integer`;
  }
  return `has dtype ${dtype}, which a ${variable.dtype} parameter does not take`;
}

/**
 * The name PyTorch gives a parameter of our transformer layers, for `rename` when a PyTorch checkpoint is read:
 * `encoder.layers.0.selfAttention.inProjection.weight` is `encoder.layers.0.self_attn.in_proj_weight` there.
 *
 * @param name - Our name.
 */
export function torchName(name: string): string {
  return name
    .replace(/\bselfAttention\b/g, 'self_attn')
    .replace(/\bcrossAttention\b/g, 'multihead_attn')
    .replace(/\binProjection\.(weight|bias)\b/g, 'in_proj_$1')
    .replace(/\boutProjection\b/g, 'out_proj');
}
