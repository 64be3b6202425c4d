/** Until when a body must have arrived. One timer looks at all of them, so that a body costs none. */

/**
 * What a line must carry at least, beyond the time that every body has: each of these bytes buys its share of a second
 * more. So 16 MiB may take 17 minutes, and a byte a second not much longer than none at all.
 */
export const BODY_BYTES_PER_SECOND_MIN = 16 * 1024;

/** A body that is being read. What is written here belongs to `BodyDeadlines`. */
export interface AwaitedBody {
  deadline: number;
  isSlow: boolean;
  /** The body does not come at once: from here on the deadline alone ends it, not the silence of its connection. */
  onSlow(): void;
  onLate(): void;
}

export class BodyDeadlines {
  /** Bodies that came too late since the start. */
  late = 0;
  readonly #awaited = new Set<AwaitedBody>();
  #now: number;

  /** @param sweepMs how often `sweep` is called: a body gets so much more, since only then the clock is read. */
  constructor(
    private readonly timeoutMs: number,
    private readonly sweepMs: number,
    now: number,
  ) {
    this.#now = now;
  }

  /** Bodies that are being read. */
  get reading(): number {
    return this.#awaited.size;
  }

  watch(body: AwaitedBody): void {
    body.deadline = this.#now + this.sweepMs + this.timeoutMs;
    this.#awaited.add(body);
  }

  /** So many bytes more have come. */
  arrived(body: AwaitedBody, bytes: number): void {
    body.deadline += (bytes * 1_000) / BODY_BYTES_PER_SECOND_MIN;
  }

  /** The same of a body that may go on for ever: what it has earned beyond the time that every body has is lost. */
  streamed(body: AwaitedBody, bytes: number): void {
    this.arrived(body, bytes);
    body.deadline = Math.min(body.deadline, this.#now + this.sweepMs + this.timeoutMs);
  }

  /** More of the body is not wanted now: until `resume` its time stands still. */
  pause(body: AwaitedBody): void {
    this.#awaited.delete(body);
    body.deadline -= this.#now;
  }

  resume(body: AwaitedBody): void {
    body.deadline += this.#now;
    this.#awaited.add(body);
  }

  /** The body is complete, or nobody waits for it any more. */
  done(body: AwaitedBody): void {
    this.#awaited.delete(body);
  }

  sweep(now: number): void {
    this.#now = now;
    for (const body of this.#awaited) {
      if (now >= body.deadline) {
        this.#awaited.delete(body);
        this.late++;
        body.onLate();
      } else if (!body.isSlow) {
        body.isSlow = true;
        body.onSlow();
      }
    }
  }
}
