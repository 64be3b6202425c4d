/** What large answers may take of the memory until their clients have read them, over all requests. */

export class AnswerBudget {
  /** Refusals since the start. */
  refused = 0;
  #bytes = 0;

  constructor(private readonly bytesMax: number) {}

  /** Bytes of the answers that are on their way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is room. One alone always has it: what may be stored can be read. */
  take(bytes: number): boolean {
    if (this.#bytes > 0 && this.#bytes + bytes > this.bytesMax) {
      this.refused++;
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  /** Counts what has to be answered, room or not. */
  owe(bytes: number): void {
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}
