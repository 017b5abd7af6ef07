import * as tf from '@tensorflow/tfjs';
import { compile as compileOrt, type Compiled, type CompileOptions } from '@ferry/tfjs-backend-ort';

/**
 * Makes a function of tensors fast: on the `ort` backend it is traced once per signature and then runs as one ONNX
 * graph (see compile of the package tfjs-backend-ort for what `fn` may do); on the other backends it runs eagerly in a
 * tidy, with the same results.
 *
 * @param fn - Pure but for variable updates: nests of tensors and static values in, a nest of tensors out.
 * @throws Error on every backend when `fn` creates a variable; on `ort` also when it reads a tensor's value.
 */
export function compile<F extends (...args: never[]) => unknown>(
  fn: F,
  options: CompileOptions = {},
): Compiled<F> {
  const compiled = compileOrt(fn, options);
  const name = options.name ?? (fn.name || 'anonymous');
  const call = (...args: never[]): unknown =>
    tf.getBackend() === 'ort' ? compiled(...args) : runEagerly(name, fn, args);
  return Object.assign(call as F, { dispose: compiled.dispose, programs: compiled.programs });
}

function runEagerly(name: string, fn: (...args: never[]) => unknown, args: never[]): unknown {
  const { registeredVariables } = (
    tf.engine() as unknown as { state: { registeredVariables: Record<string, tf.Variable> } }
  ).state;
  const before = new Set(Object.keys(registeredVariables));
  const result = tf.tidy(() => fn(...args) as tf.TensorContainer);
  const made = Object.keys(registeredVariables).filter((key) => !before.has(key));
  for (const key of made) registeredVariables[key]!.dispose();
  if (made.length > 0)
    throw new Error(
      `compile: '${name}' created the variable ${made.map((key) => `'${key}'`).join(', ')}; ` +
        'create variables (and optimiser slots) before the first call',
    );
  return result;
}
