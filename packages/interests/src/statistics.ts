/** Options of {@link interestStatistics}. */
export interface InterestStatisticsOptions {
  /** K: how many interests there are. */
  count: number;
  /** Names of the M modalities, in the order in which their tokens follow each other. */
  modalities: readonly string[];
}

/** How a clustering spreads the tokens; for reports. */
export interface InterestStatistics {
  /** Points of each interest; [K]. */
  sizes: Int32Array;
  /** Points of each interest, by modality; [K] each. */
  sizesByModality: Record<string, Int32Array>;
  /** By modality: the share of its clustered tokens that each interest holds; [K] each. */
  shareByModality: Record<string, Float64Array>;
  /** By modality: how many interests hold at least one of its tokens. */
  usedByModality: Record<string, number>;
  /** Points that were clustered. */
  clustered: number;
  /** Points that were left out. */
  leftOut: number;
  /** Interests without any point. */
  empty: number;
  /** Interests of exactly one point. */
  singletons: number;
  /** Points of the largest interest. */
  largest: number;
  /** Interests that hold tokens of more than one modality. */
  mixed: number;
  /** exp of the entropy of the sizes: how many equally large interests would be as spread out. */
  effective: number;
  /**
   * How evenly interests mix modalities: entropy of the modalities within an interest divided by log M,
   * averaged over points. 0 = every interest holds one modality, 1 = all modalities in equal parts
   * everywhere; 0 when M = 1.
   */
  mixing: number;
}

/** Entropy in nats of counts that sum to `total`. */
function entropy(counts: Iterable<number>, total: number): number {
  let sum = 0;
  for (const count of counts) if (count > 0) sum -= (count / total) * Math.log(count / total);
  return sum;
}

/**
 * Counts how an assignment spreads tokens over interests and modalities.
 *
 * @param assignment - [M*T'], the tokens of the first modality, then those of the second, and so on; -1 =
 * left out.
 * @throws RangeError when the tokens cannot be split into M equal parts or an interest is outside 0..K-1.
 */
export function interestStatistics(
  assignment: Int32Array,
  options: InterestStatisticsOptions,
): InterestStatistics {
  const { count, modalities } = options;
  const M = modalities.length;
  if (M === 0 || assignment.length % M !== 0)
    throw new RangeError(
      `interestStatistics: assignment must hold as many tokens for each of the ${M} modalities, got ${assignment.length}`,
    );
  const perModality = assignment.length / M;
  const sizes = new Int32Array(count);
  const parts = modalities.map(() => new Int32Array(count));
  assignment.forEach((interest, t) => {
    if (interest === -1) return;
    if (interest < 0 || interest >= count)
      throw new RangeError(`interestStatistics: interests must be in 0..${count - 1} or -1, got ${interest}`);
    sizes[interest]!++;
    parts[Math.floor(t / perModality)]![interest]!++;
  });

  const clustered = sizes.reduce((sum, size) => sum + size, 0);
  const named = <T>(make: (part: Int32Array) => T): Record<string, T> =>
    Object.fromEntries(modalities.map((name, m) => [name, make(parts[m]!)]));
  const within = (c: number): number[] => parts.map((part) => part[c]!);
  const tally = (test: (size: number, c: number) => boolean): number =>
    sizes.reduce((sum, size, c) => sum + (test(size, c) ? 1 : 0), 0);

  return {
    sizes,
    sizesByModality: named((part) => part),
    shareByModality: named((part) => {
      const sum = part.reduce((all, size) => all + size, 0);
      return Float64Array.from(part, (size) => (sum > 0 ? size / sum : 0));
    }),
    usedByModality: named((part) => part.reduce((sum, size) => sum + (size > 0 ? 1 : 0), 0)),
    clustered,
    leftOut: assignment.length - clustered,
    empty: tally((size) => size === 0),
    singletons: tally((size) => size === 1),
    largest: sizes.reduce((most, size) => Math.max(most, size), 0),
    mixed: tally((_, c) => within(c).filter((size) => size > 0).length > 1),
    effective: clustered > 0 ? Math.exp(entropy(sizes, clustered)) : 0,
    mixing:
      M > 1 && clustered > 0
        ? sizes.reduce((sum, size, c) => sum + (size > 0 ? size * entropy(within(c), size) : 0), 0) /
          (clustered * Math.log(M))
        : 0,
  };
}
