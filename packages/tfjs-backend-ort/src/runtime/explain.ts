import type { Node } from '../graph/types.ts';

/** The error of a graph that ONNX Runtime refuses, with its own words. */
export function refused(error: unknown, name: string): Error {
  const words = error instanceof Error ? error.message : String(error);
  return new Error(`tfjs-backend-ort: ONNX Runtime refused the graph of '${name}': ${words}`, {
    cause: error,
  });
}

/** Where ONNX Runtime names a node and an index that its gather did not accept. */
const OUTSIDE = /Name:'[^']*#(\d+)'.*(?:out of data bounds, idx=|invalid index found, index = )(-?\d+)/s;

/**
 * The error of a run in the words of the program: ONNX Runtime tells a node and an index read without its sign.
 *
 * @param name - The program's.
 */
export function explained(error: unknown, name: string, nodes: readonly Node[]): unknown {
  const [, id, index] = (error instanceof Error && OUTSIDE.exec(error.message)) || [];
  const node = nodes.find(({ outputs }) => outputs[0]?.id === Number(id));
  if (!node || index === undefined) return error;
  const given = Number(index) >= 2 ** 31 ? Number(index) - 2 ** 32 : Number(index);
  const { limit, origin } = node;
  const rule =
    limit === Infinity
      ? 'must not be negative'
      : limit === undefined
        ? `must be in the axis of [${node.inputs[0]!.shape.join(', ')}] that it is for`
        : `must be in [0, ${limit})`;
  const where = name === origin ? '' : ` (in '${name}')`;
  return new RangeError(`${origin}: an index ${rule}, got ${given}${where}`, { cause: error });
}
