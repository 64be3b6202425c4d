/** Until when a body must have arrived. One timer looks at all of them, so that a body costs none. */

/**
 * What a line must carry at least, beyond the time that every body has: each of these bytes buys its share of a second
 * more. So 16 MiB may take 17 minutes, and a byte a second not much longer than none at all.
 */
export const BODY_BYTES_PER_SECOND_MIN = 16 * 1024;

export interface BodyWatch {
  /** So many bytes more have arrived. */
  arrived(bytes: number): void;
  /** The body is complete, or nobody waits for it any more. */
  done(): void;
}

export interface BodyReader {
  /** The body does not come at once: from here on the deadline alone ends it, not the silence of its connection. */
  onSlow(): void;
  onLate(): void;
}

interface Watched {
  deadline: number;
  isSlow: boolean;
  readonly reader: BodyReader;
}

export class BodyDeadlines {
  /** Bodies that came too late since the start. */
  late = 0;
  readonly #watched = new Set<Watched>();
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
    return this.#watched.size;
  }

  watch(reader: BodyReader): BodyWatch {
    const watched = { deadline: this.#now + this.sweepMs + this.timeoutMs, isSlow: false, reader };
    this.#watched.add(watched);
    return {
      arrived: (bytes) => {
        watched.deadline += (bytes * 1_000) / BODY_BYTES_PER_SECOND_MIN;
      },
      done: () => void this.#watched.delete(watched),
    };
  }

  sweep(now: number): void {
    this.#now = now;
    for (const watched of this.#watched) {
      if (now >= watched.deadline) {
        this.#watched.delete(watched);
        this.late++;
        watched.reader.onLate();
      } else if (!watched.isSlow) {
        watched.isSlow = true;
        watched.reader.onSlow();
      }
    }
  }
}
