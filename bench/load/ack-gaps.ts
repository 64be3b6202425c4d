/**
 * The longest time in which nothing was acknowledged although something was in flight. A node does not say how long its
 * commits take; but while frames wait, a pause between two bursts of acknowledgements holds at least one whole commit,
 * so this is a bound on the worst of them from above.
 */

export class AckGaps {
  #worstMs = 0;
  #since: number | undefined;

  /** Something is in flight from now on, unless something was already. */
  sent(atMs: number): void {
    this.#since ??= atMs;
  }

  /** @param inFlight Frames that are still unanswered after this. */
  acknowledged(atMs: number, inFlight: number): void {
    if (this.#since !== undefined) this.#worstMs = Math.max(this.#worstMs, atMs - this.#since);
    this.#since = inFlight > 0 ? atMs : undefined;
  }

  /** The worst since it was last asked for. */
  takeWorstMs(): number {
    const worst = this.#worstMs;
    this.#worstMs = 0;
    return worst;
  }
}
