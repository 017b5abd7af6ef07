import {
  compile as compileOrt,
  flatten,
  tf,
  type Compiled,
  type CompiledProgram,
  type CompileOptions,
} from '@ferry/tfjs-backend-ort';
import { guarded, runningBody } from './guards.ts';

/**
 * Makes a function of tensors fast: on the `ort` backend it is traced once per signature and then runs as one ONNX
 * graph (see compile of the package tfjs-backend-ort); on the other backends it runs eagerly in a scope. What `fn` may
 * do is the same on all of them, so a model developed on one runs on the others.
 *
 * Arguments and results are any nest of arrays and records; tensors among the arguments are inputs, all else is static.
 * Results are tensors of the caller's own, even where `fn` returns an argument or the same tensor twice. Variables
 * that `fn` reads are state; `assign` and adamUpdate change it.
 *
 * @typeParam F - The function's type.
 * @param fn - Pure but for variable updates: nests of tensors and static values in, a nest of tensors out.
 * @throws Error naming the function when `fn` reads a tensor's value, draws from `Math.random`, calls a compiled
 *   function, creates or disposes a variable, or is given or returns something that is no nest of tensors and plain
 *   values; on `ort` also, naming the kernel, when it uses one that the backend lacks.
 */
export function compile<F extends (...args: never[]) => unknown>(
  fn: F,
  options: CompileOptions = {},
): Compiled<F> {
  const name = options.name ?? (fn.name || 'anonymous');
  const body = (...args: never[]): unknown => guarded(name, () => fn(...args));
  const compiled = compileOrt(body, { ...options, name });
  let disposed = false;
  const call = (...args: never[]): unknown => {
    const outer = runningBody();
    if (disposed) throw new Error(`compile: '${name}' was disposed`);
    if (outer !== undefined)
      throw new Error(
        `compile: '${name}' was called inside '${outer}'; call the plain function inside a compiled one`,
      );
    return tf.getBackend() === 'ort' ? compiled(...args) : runEagerly(name, body, args);
  };
  const dispose = (): void => {
    disposed = true;
    compiled.dispose();
  };
  return Object.assign(call as F, { dispose, programs: (): CompiledProgram[] => compiled.programs() });
}

/** The engine's registry of variables, which tfjs keeps private. */
function registeredVariables(): Record<string, tf.Variable> {
  return (tf.engine() as unknown as { state: { registeredVariables: Record<string, tf.Variable> } }).state
    .registeredVariables;
}

/** Runs the function once, with the checks that compiling it would make. */
function runEagerly(name: string, body: (...args: never[]) => unknown, args: never[]): unknown {
  const given = flatten(args, `compile: an argument of '${name}' at args`);
  const before = { ...registeredVariables() };
  let rebuild: (tensors: readonly tf.Tensor[]) => unknown = () => undefined;
  const results = tf.tidy(() => {
    try {
      // Clones, so that fn cannot dispose the caller's tensors and what it returns is the caller's to dispose.
      const returned = body(...(given.rebuild(given.tensors.map((t) => tf.clone(t))) as never[]));
      const flat = flatten(returned, `compile: the result of '${name}' at result`);
      checkVariables(name, before);
      rebuild = flat.rebuild;
      return flat.tensors.map((t) => tf.clone(t));
    } finally {
      for (const [key, variable] of Object.entries(registeredVariables()))
        if (before[key] !== variable) variable.dispose();
    }
  });
  return rebuild(results);
}

function checkVariables(name: string, before: Readonly<Record<string, tf.Variable>>): void {
  const quote = (keys: string[]): string => keys.map((key) => `'${key}'`).join(', ');
  const after = registeredVariables();
  const made = Object.keys(after).filter((key) => !(key in before));
  if (made.length > 0)
    throw new Error(
      `compile: '${name}' created the variable ${quote(made)}; ` +
        'create variables (and optimiser slots) before the first call',
    );
  const gone = Object.keys(before).filter((key) => !(key in after));
  if (gone.length > 0) throw new Error(`compile: '${name}' disposed the variable ${quote(gone)}`);
}
