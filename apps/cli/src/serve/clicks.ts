/** Users whose clicks are kept, and clicks of each. */
const [mostUsers, mostClicks] = [10_000, 200];

/** Clicks that came while serving, of the users who clicked last; the oldest are forgotten. */
export class Clicks {
  readonly #byUser = new Map<string, string[]>();

  /** Adds a click. */
  add(user: string, item: string): void {
    const clicks = this.#byUser.get(user) ?? [];
    clicks.push(item);
    if (clicks.length > mostClicks) clicks.shift();
    this.#byUser.delete(user);
    this.#byUser.set(user, clicks);
    if (this.#byUser.size > mostUsers) this.#byUser.delete(this.#byUser.keys().next().value!);
  }

  /** Clicks of a user, oldest first. */
  of(user: string): readonly string[] {
    return this.#byUser.get(user) ?? [];
  }
}
