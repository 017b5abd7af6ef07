import { bytesOf, sizeOf, type Node } from '../graph/types.ts';

/** The error of a graph that ONNX Runtime refuses, with its own words. */
export function refused(error: unknown, name: string): Error {
  const words = error instanceof Error ? error.message : String(error);
  return new Error(`tfjs-backend-ort: ONNX Runtime refused the graph of '${name}': ${words}`, {
    cause: error,
  });
}

/** Where ONNX Runtime names a node and an index that its gather did not accept. */
const OUTSIDE = /Name:'[^']*#(\d+)'.*(?:out of data bounds, idx=|invalid index found, index = )(-?\d+)/s;

/** What ONNX Runtime, a device and JavaScript say where there is no room: in all, for a buffer, or for parts of one. */
const NO_ROOM = new RegExp(
  [
    'failed to allocate memory|bad_alloc|out[_ ]of[_ ](?:\\w+[_ ])?memory',
    'max buffer size limit|invalid buffer.*due to a previous error|too many storage buffers',
    'invalid typed array length|array buffer allocation failed',
  ].join('|'),
  'i',
);
/** The most that one buffer of a device holds. */
const LIMIT = /max buffer size limit \((\d+)\)/;

const inGiB = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

/** The error of a run that had no room: what it wanted most room for, and what takes less. */
function ranOut(error: Error, name: string, nodes: readonly Node[]): Error {
  const values = nodes.flatMap(({ outputs, origin }) =>
    outputs.map(({ dtype, shape }) => ({ dtype, shape, origin, bytes: sizeOf(shape) * bytesOf(dtype) })),
  );
  const largest = values.reduce((most, value) => (value.bytes > most.bytes ? value : most), values[0]!);
  const [, limit] = LIMIT.exec(error.message) ?? [];
  return new Error(
    `tfjs-backend-ort: '${name}' ran out of memory. The largest of the ${values.length} values that it makes, ` +
      `[${largest.shape.join(', ')}] ${largest.dtype} of ${largest.origin}, takes ${inGiB(largest.bytes)}` +
      (limit === undefined ? '' : `; one buffer of the device holds ${inGiB(Number(limit))}`) +
      '. Smaller batches and shorter sequences take less',
    { cause: error },
  );
}

/**
 * The error of a run in the words of the program: of an index ONNX Runtime tells the node and the index read without its
 * sign, of memory that it had none.
 *
 * @param name - The program's.
 */
export function explained(error: unknown, name: string, nodes: readonly Node[]): unknown {
  if (error instanceof Error && nodes.length > 0 && NO_ROOM.test(error.message))
    return ranOut(error, name, nodes);
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
