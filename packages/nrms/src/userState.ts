/** The vector of a user that follows the clicks one by one. */
export interface UserState {
  /** Clicks that count. */
  readonly clicks: number;
  /** Whether the vector is what the whole computation over the newest H clicks gives, but for rounding. */
  readonly exact: boolean;
  /** Adds a click. @param vector - Of the news, [D]. */
  click(vector: ArrayLike<number>): void;
  /** The user's vector, [D]. */
  vector(): Float32Array;
}
