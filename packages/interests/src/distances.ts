import { describe } from '@ferry/engine';
import { loopDistances } from './loops.ts';
import type { Distances } from './passes.ts';
import { tensorDistances } from './tensors.ts';
import type { DistanceMethod } from './types.ts';

/** Below this many multiplications of one pass, starting a tensor block costs more than the loops. */
const smallWork = 2e7;

/** Chooses an implementation of {@link Distances} for `points` [T*D]. */
export function distancesOf(points: Float32Array, width: number, method: DistanceMethod = 'auto'): Distances {
  const total = points.length / width;
  const loops =
    method === 'loops' ||
    (method === 'auto' && (total * total * width < smallWork || describe().backend === 'cpu'));
  return loops ? loopDistances(points, width) : tensorDistances(points, width);
}
