/** Tasks that would take much memory together: so many at one time, the others wait for their turn. */

export class Turns {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly runningMax: number) {}

  /** Runs a task once its turn has come. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.begin();
    try {
      return await task();
    } finally {
      this.end();
    }
  }

  /** Resolves once it is the turn of whoever asks; `end` must follow. */
  async begin(): Promise<void> {
    if (this.#running < this.runningMax) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  end(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
