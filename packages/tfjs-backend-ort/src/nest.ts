import { tf } from './tfjs.js';

/** A nest whose tensors are numbered in place of themselves. */
export interface Flat {
  /** The tensors, in the order of the nest. */
  tensors: tf.Tensor[];
  /** Everything but the tensors, as text: equal structures have equal text. */
  structure: string;
  /** Builds the same nest around other tensors. */
  rebuild: (tensors: readonly tf.Tensor[]) => unknown;
}

/**
 * Takes the tensors out of a nest of arrays and plain records.
 *
 * @param what - Named in the error when the nest holds something that is neither a tensor nor a plain value, or a
 *   tensor that was disposed.
 */
export function flatten(nest: unknown, what: string): Flat {
  const tensors: tf.Tensor[] = [];
  const visit = (node: unknown, path: string): [string, (tensors: readonly tf.Tensor[]) => unknown] => {
    if (isTensor(node)) {
      if (node.isDisposed) throw new Error(`${what}${path} was disposed`);
      const index = tensors.push(node) - 1;
      return ['T', (given) => given[index]];
    }
    if (Array.isArray(node)) {
      const parts = node.map((child, i) => visit(child, `${path}[${i}]`));
      return [`[${parts.map((part) => part[0]).join()}]`, (given) => parts.map((part) => part[1](given))];
    }
    if (node === null || ['number', 'string', 'boolean', 'undefined', 'bigint'].includes(typeof node))
      return [`${typeof node}:${JSON.stringify(String(node))}`, () => node];
    const prototype: unknown = Object.getPrototypeOf(node);
    if (prototype === Object.prototype || prototype === null) {
      // What is undefined is left out, so that an optional member may be written as `name: maybe`.
      const parts = Object.entries(node as object)
        .filter(([, child]) => child !== undefined)
        .map(([key, child]) => [key, visit(child, `${path}.${key}`)] as const);
      return [
        `{${parts.map(([key, part]) => `${JSON.stringify(key)}:${part[0]}`).join()}}`,
        (given) => Object.fromEntries(parts.map(([key, part]) => [key, part[1](given)])),
      ];
    }
    const kind = typeof node === 'function' ? 'a function' : (node as object).constructor.name || 'an object';
    throw new Error(
      `${what}${path} must be a tensor, a plain value, or an array or record of such, got ${kind}`,
    );
  };
  const [structure, rebuild] = visit(nest, '');
  return { tensors, structure, rebuild };
}

function isTensor(node: unknown): node is tf.Tensor {
  return node instanceof tf.Tensor;
}
