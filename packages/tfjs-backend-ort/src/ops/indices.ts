import { tf } from '../tfjs.js';
import { OrtBackend } from '../backend.ts';

/** Backends whose gather takes any index, and whose values lie on the host. */
const UNCHECKED = ['cpu', 'wasm'];

/**
 * `tf.gather` on behalf of an operation, whose name stands in the error where an index is outside the axis. On `ort`
 * the graph checks; tfjs's cpu and wasm backends would read zeros, or anything, so their indices are looked at here.
 *
 * @throws RangeError if an index is not in [0, length of the axis).
 */
export function gatherFor(of: string, x: tf.Tensor, indices: tf.Tensor, axis: 0 | 1 = 0): tf.Tensor {
  if (UNCHECKED.includes(tf.getBackend())) check(of, indices, x.shape[axis]!);
  return tf.engine().runKernel<tf.Tensor>('GatherV2', { x, indices }, { axis, batchDims: axis, of });
}

/** The gradient of {@link gatherFor}: adds the rows that share an index. An index outside is an error here as well. */
export function sumRows(of: string, x: tf.Tensor, segmentIds: tf.Tensor, numSegments: number): tf.Tensor {
  return tf.engine().runKernel<tf.Tensor>('UnsortedSegmentSum', { x, segmentIds }, { numSegments, of });
}

function check(of: string, indices: tf.Tensor, limit: number): void {
  const backend = tf.backend();
  if (backend instanceof OrtBackend) return;
  // Not dataSync, which compiled functions may not call: this reads what the caller passed.
  for (const index of backend.readSync(indices.dataId) as Int32Array)
    if (!(index >= 0 && index < limit))
      throw new RangeError(`${of}: an index must be in [0, ${limit}), got ${index}`);
}
