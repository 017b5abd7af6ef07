import { tf } from './tfjs.js';
import { BACKEND_NAME, OrtBackend } from './backend.ts';
import { execute } from './execute.ts';
import { flatten } from './nest.ts';
import { build, release, type CompiledProgram, type Plan } from './plan.ts';
import { shrinkArena } from './runtime/directRuntime.ts';
import { returnFreedMemory } from './runtime/malloc.ts';

/** Options of {@link compile}. */
export interface CompileOptions {
  /** Named in errors and profiles; the function's own name by default. */
  name?: string;
  /** Compiled signatures kept; the least recently used one is dropped beyond it. */
  cacheSize?: number;
}

/**
 * A function made by {@link compile}: called as the original.
 *
 * @typeParam F - The original.
 */
export type Compiled<F extends (...args: never[]) => unknown> = F & {
  /** Frees all that was compiled; a later call is an error. */
  dispose: () => void;
  /** What was compiled so far. */
  programs: () => CompiledProgram[];
};

/** The backend, which must be the current one. */
export function ortBackend(what: string): OrtBackend {
  const backend = tf.backend();
  if (!(backend instanceof OrtBackend))
    throw new Error(`${what}: needs the '${BACKEND_NAME}' backend, the current one is '${tf.getBackend()}'`);
  return backend;
}

/**
 * Compiles a function of tensors, in the manner of `tf.function` and `jax.jit`. The first call with new shapes, element
 * types or static arguments runs `fn` once with symbolic tensors and hands the recorded graph to ONNX Runtime; later
 * calls run that graph and `fn` no more.
 *
 * Arguments and results may be any nest of arrays and records. Tensors among the arguments are inputs; all else is
 * static and part of the signature. Variables that `fn` reads are state: each call sees their current value and
 * `assign` (or adamUpdate) changes it. Other tensors from outside are constants.
 *
 * @typeParam F - The function's type.
 * @param fn - Pure but for variable updates; must not read values of tensors, nor create variables.
 * @throws Error naming the operation, when `fn` reads a tensor's value, calls a compiled function, creates or disposes
 *   a variable, or uses a kernel the backend lacks.
 */
export function compile<F extends (...args: never[]) => unknown>(
  fn: F,
  options: CompileOptions = {},
): Compiled<F> {
  const name = options.name ?? (fn.name || 'anonymous');
  const cacheSize = options.cacheSize ?? 64;
  const plans = new Map<string, Plan>();
  /** The backend whose sessions and memory the plans use; registerOrtBackend may have replaced it. */
  let owner: OrtBackend | undefined;
  let disposed = false;

  const releaseAll = (): void => {
    for (const plan of plans.values()) if (owner) release(owner, plan);
    plans.clear();
  };
  const call = (...args: never[]): unknown => {
    const backend = ortBackend(`compile: '${name}'`);
    if (disposed) throw new Error(`compile: '${name}' was disposed`);
    if (backend !== owner) releaseAll();
    owner = backend;
    if (backend.trace)
      throw new Error(
        `compile: '${name}' was called while '${backend.trace.name}' is being traced; call the plain function ` +
          'inside a compiled one',
      );
    const flat = flatten(args, `compile: an argument of '${name}' at args`);
    const signature = `${flat.structure}|${flat.tensors.map((t) => `${t.dtype}[${t.shape.join()}]`).join(';')}`;
    let plan = plans.get(signature);
    if (plan) plans.delete(signature);
    else plan = build(backend, name, fn, flat, signature);
    plans.set(signature, plan);
    if (plans.size > cacheSize) {
      const [oldest, evicted] = plans.entries().next().value!;
      plans.delete(oldest);
      release(backend, evicted);
    }
    return execute(backend, name, plan, flat.tensors);
  };
  const dispose = (): void => {
    disposed = true;
    if (plans.size === 0) return;
    releaseAll();
    shrinkArena();
    returnFreedMemory();
  };
  return Object.assign(call as F, {
    dispose,
    programs: () => [...plans.values()].map((plan) => plan.program),
  });
}
