import { tf } from '@ferry/engine';
import type { SafetensorsTensor } from '@ferry/nn';
import type { StateArray, TrainableModel } from './model.ts';

function store(name: string, shape: readonly number[], data: unknown): SafetensorsTensor {
  const copy = [...shape];
  if (data instanceof Float32Array) return { dtype: 'F32', shape: copy, data };
  if (data instanceof Int32Array) return { dtype: 'I32', shape: copy, data };
  if (data instanceof Uint8Array) return { dtype: 'U8', shape: copy, data };
  throw new Error(`checkpoint: '${name}' must be float32, int32, bool or uint8`);
}

async function storeVariables(
  variables: ReadonlyMap<string, tf.Variable>,
): Promise<Map<string, SafetensorsTensor>> {
  const stored = new Map<string, SafetensorsTensor>();
  for (const [name, variable] of variables)
    stored.set(name, store(name, variable.shape, await variable.data()));
  return stored;
}

/** What a checkpoint holds in tensors. */
export interface StoredModel {
  /** Weights and buffers by name. */
  readonly model: ReadonlyMap<string, SafetensorsTensor>;
  /** The optimiser's state by name. */
  readonly optimizer: ReadonlyMap<string, SafetensorsTensor>;
}

/** Copies a model's state to the host. */
export async function captureModel<B>(model: TrainableModel<B>): Promise<StoredModel> {
  const stored = await storeVariables(model.parameters());
  for (const [name, { data, shape }] of model.buffers?.() ?? []) {
    if (stored.has(name)) throw new Error(`checkpoint: '${name}' is both a parameter and a buffer`);
    stored.set(name, store(name, shape, data));
  }
  return { model: stored, optimizer: await storeVariables(model.optimizerState()) };
}

/** The first tensor that holds a value that is not finite, if one does. */
export function firstNonFinite(stored: StoredModel): string | undefined {
  for (const [name, { data }] of [...stored.model, ...stored.optimizer]) {
    if (!(data instanceof Float32Array)) continue;
    // x - x is 0 unless x is infinite or not a number; a sum of zeros shows any. Millions of values: no call for each.
    let sum = 0;
    for (const x of data) sum += x - x;
    if (sum !== 0) return name;
  }
  return undefined;
}

function describeShape(dtype: string, shape: readonly number[]): string {
  return `${dtype} [${shape.join(', ')}]`;
}

const storedTypes: Record<string, string> = { float32: 'F32', int32: 'I32', bool: 'U8' };

/** Names and shapes that do not fit, one phrase each. */
export function misfits(
  variables: ReadonlyMap<string, tf.Variable>,
  stored: ReadonlyMap<string, SafetensorsTensor>,
): string[] {
  const problems: string[] = [];
  for (const [name, variable] of variables) {
    const tensor = stored.get(name);
    const want = describeShape(storedTypes[variable.dtype] ?? variable.dtype, variable.shape);
    if (!tensor) problems.push(`'${name}' is missing`);
    else if (describeShape(tensor.dtype, tensor.shape) !== want)
      problems.push(`'${name}' must be ${want}, got ${describeShape(tensor.dtype, tensor.shape)}`);
  }
  return problems;
}

/** Sets variables to what is stored under their names. */
export function assign(
  variables: ReadonlyMap<string, tf.Variable>,
  stored: ReadonlyMap<string, SafetensorsTensor>,
): void {
  for (const [name, variable] of variables) {
    const { data } = stored.get(name)!;
    const value = tf.tensor(data as Float32Array, variable.shape, variable.dtype);
    variable.assign(value);
    value.dispose();
  }
}

function bufferOf(name: string, { data, shape }: SafetensorsTensor): StateArray {
  if (data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint8Array)
    return { data, shape };
  throw new Error(`checkpoint: buffer '${name}' must be F32, I32 or U8`);
}

/**
 * Gives a model the weights, buffers and, if asked, optimiser state of a checkpoint. Nothing is changed unless
 * everything fits.
 *
 * @param path - Named in errors.
 * @throws Error listing every name that is missing, unknown or of another shape.
 */
export async function restoreModel<B>(
  model: Pick<TrainableModel<B>, 'parameters' | 'optimizerState' | 'buffers' | 'restoreBuffers'>,
  stored: StoredModel,
  path: string,
  withOptimizer = true,
): Promise<void> {
  const parameters = model.parameters();
  const optimizer = withOptimizer ? model.optimizerState() : new Map<string, tf.Variable>();
  const buffers = new Map<string, StateArray>();
  const problems = [...misfits(parameters, stored.model), ...misfits(optimizer, stored.optimizer)];
  for (const [name, tensor] of stored.model) {
    if (parameters.has(name)) continue;
    if (model.restoreBuffers) buffers.set(name, bufferOf(name, tensor));
    else problems.push(`'${name}' is unknown to the model`);
  }
  if (withOptimizer)
    for (const name of stored.optimizer.keys())
      if (!optimizer.has(name)) problems.push(`'${name}' is unknown to the optimiser`);
  if (problems.length > 0) throw new Error(`${path} does not fit the model: ${problems.join('; ')}`);
  assign(parameters, stored.model);
  assign(optimizer, stored.optimizer);
  await model.restoreBuffers?.(buffers);
}
