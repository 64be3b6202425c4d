/**
 * Requests in turns of the event loop, so that connections that come without a pause hold up nothing else.
 *
 * Bun takes all connections that wait, and answers each at once if its request is there, before anything else is looked
 * at: answers of other threads, timers, clients that have gone. As long as another one has come by then, that goes on. A
 * few clients that connect again as soon as they are answered keep a node in there for seconds. Where the answer has to
 * wait for the loop, so do they.
 */

/** What a turn has taken so long for is answered; the rest has to wait for the next one. */
export const REQUEST_TURN_MS_MAX = 5;

type Handle = (request: Request) => Response | Promise<Response>;

export interface RequestTurnsClock {
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
  /** Runs a task once the loop has turned. */
  readonly soon: (task: () => void) => void;
}

export class RequestTurns {
  readonly #clock: RequestTurnsClock;
  #startedAt = 0;
  #isBegun = false;
  readonly #waiting: (() => void)[] = [];

  constructor(clock: RequestTurnsClock) {
    this.#clock = clock;
  }

  /** A handler that answers in the order in which it is asked. */
  wrap(handle: Handle): Handle {
    return (request) => {
      this.#begin();
      if (this.#waiting.length === 0 && !this.#isOver) return handle(request);
      return new Promise((resolve) =>
        this.#waiting.push(() => {
          try {
            resolve(handle(request));
          } catch (error) {
            resolve(Promise.reject(error));
          }
        }),
      );
    };
  }

  get #isOver(): boolean {
    return this.#clock.now() - this.#startedAt >= REQUEST_TURN_MS_MAX;
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#startedAt = this.#clock.now();
    this.#clock.soon(() => this.#turned());
  }

  #turned(): void {
    this.#isBegun = false;
    if (this.#waiting.length === 0) return;
    this.#begin();
    let answered = 0;
    do this.#waiting[answered++]!();
    while (answered < this.#waiting.length && !this.#isOver);
    this.#waiting.splice(0, answered);
  }
}
