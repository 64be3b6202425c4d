/**
 * How many sockets are closed with a code and a reason. Whoever never answers a closing frame keeps its connection for
 * a while, and nothing tells how long: Bun says that a socket has closed when it sends that frame.
 */

/** After so long Bun has ended a connection whose client does not answer. */
export const CLOSING_MS_MAX = 16_000;

export const CLOSING_SOCKETS_MAX = 1_000;

export class ClosingSockets {
  /** When each of the latest was closed, in that order; from `#first` on. */
  #closedAt: number[] = [];
  #first = 0;

  /** Whether one more may be closed in order, which counts it. Otherwise its connection is to be cut. */
  takes(now: number): boolean {
    while (this.#first < this.#closedAt.length && now - this.#closedAt[this.#first]! >= CLOSING_MS_MAX)
      this.#first++;
    if (this.#closedAt.length - this.#first >= CLOSING_SOCKETS_MAX) return false;
    if (this.#first >= CLOSING_SOCKETS_MAX) {
      this.#closedAt = this.#closedAt.slice(this.#first);
      this.#first = 0;
    }
    this.#closedAt.push(now);
    return true;
  }
}
