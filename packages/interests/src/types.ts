/** Interests found in a set of points. Letters: T points, D width, K interests. */
export interface Interests {
  /** K: how many interests there are. */
  count: number;
  /** D: width of a point. */
  width: number;
  /** The interests' vectors, row after row; [K*D]. */
  centres: Float32Array;
  /** The interest 0..K-1 of every point, or -1 for a point that was left out; [T]. */
  assignment: Int32Array;
}

/**
 * Where distances are computed: `tensor` in blocks through the engine, `loops` in typed arrays with double
 * precision; `auto` takes loops for few points and on the plain `cpu` backend, tensors otherwise.
 */
export type DistanceMethod = 'auto' | 'tensor' | 'loops';
