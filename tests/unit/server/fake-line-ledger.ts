/** What a stream of lines stands between: a body that a test sends, and a ledger that answers when it is told to. */

import type { Outcome, Publish } from "../../../src/ingest/publish.ts";
import type { Problem } from "../../../src/problem.ts";
import type { ByteStream } from "../../../src/server/body-stream.ts";

/** Takes pieces, and answers when it is told to. */
export class FakeLedger {
  readonly submitted: Publish[] = [];
  readonly forgotten: number[] = [];
  /** What the next attempts are answered with. */
  readonly refusals: Problem[] = [];
  #waiting: (() => void)[] = [];
  /** By the text of the piece. */
  #outcomes = new Map<string, Outcome>();
  #draining: (() => void) | undefined;

  beginStream = (): number => 7;
  forgetStream = (stream: number): void => void this.forgotten.push(stream);
  onDraining = (task: () => void): (() => void) => {
    this.#draining = task;
    return () => {
      this.#draining = undefined;
    };
  };

  submit = (publish: Publish, answer: (outcome: Outcome) => void): Problem | undefined => {
    const refused = this.refusals.shift();
    if (refused !== undefined) return refused;
    this.submitted.push(publish);
    this.#waiting.push(() => answer(this.#outcomes.get(publish.text) ?? taken(publish.text)));
    return undefined;
  };

  will(text: string, outcome: Outcome): void {
    this.#outcomes.set(text, outcome);
  }

  /** Answers the oldest, or so many of them. */
  answer(pieces = 1): void {
    for (const answer of this.#waiting.splice(0, pieces)) answer();
  }

  drain(): void {
    this.#draining?.();
  }

  get isListened(): boolean {
    return this.#draining !== undefined;
  }

  get texts(): string[] {
    return this.submitted.map(({ text }) => text);
  }
}

/** A body that is sent by the test; `undefined` is its end. */
export class FakeBody implements ByteStream {
  isClosed = false;
  readonly #parts: (Uint8Array | undefined | Error)[] = [];
  #wake = Promise.withResolvers<void>();
  reads = 0;

  send(...parts: (string | Uint8Array | undefined | Error)[]): this {
    this.#parts.push(...parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
    return this;
  }

  async read(): Promise<Uint8Array | undefined> {
    this.reads++;
    while (this.#parts.length === 0 && !this.isClosed) await this.#wake.promise;
    const part = this.isClosed ? undefined : this.#parts.shift();
    if (part instanceof Error) throw part;
    return part;
  }

  close(): void {
    this.isClosed = true;
    this.#wake.resolve();
  }
}

/** All lines of a text, one event each. */
export function taken(
  text: string,
  count = text.split("\n").length - (text.endsWith("\n") ? 1 : 0),
): Outcome & { kind: "accepted" } {
  const counters = { received: count, unique_processed: count, duplicate_dropped: 0, conflicts: 0 };
  return {
    kind: "accepted",
    counters,
    frameId: undefined,
    single: undefined,
    results: undefined,
    lines: { count },
  };
}
