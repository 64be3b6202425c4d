/** One answer of server-sent events: each frame with where to resume, as fast as its client takes them. */

import type { AnswerBudget } from "../limits/answer-budget.ts";
import { WHOLE_ANSWER_LENGTH_MAX } from "./large-answers.ts";

export const EVENT_STREAM_TYPE = "text/event-stream";

/** What a client waits before it connects again. */
const RETRY_MS = 1_000;

/** A client, or whatever stands before it, may take a connection that is silent for long for a dead one. */
export const HEARTBEAT_MS = 15_000;

/** What a connection is given to take what it was sent before, once its stream is given up. */
const LAST_SECONDS = 1;

export interface EventStreamOptions {
  /** For frames that are large, while they wait to be read; none where whoever tells them counts them. */
  readonly budget: AnswerBudget | undefined;
  /** Ends the connection after so many seconds of silence. */
  readonly setIdleTimeout: (seconds: number) => void;
  /** What a connection may be silent for when it has no stream. */
  readonly idleSeconds: number;
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
  /** It has ended, or its client is gone; once. */
  readonly over: () => void;
}

export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: EventStreamOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #bufferedBytes = 0;
  /** The part of it that the budget knows of. */
  #budgetedBytes = 0;
  #isOver = false;
  #writtenAt: number;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#writtenAt = options.now();
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        // Bun asks for more when the network has taken what there was, and cancels when the client is gone.
        pull: () => this.#taken(),
        cancel: () => this.#end(),
      },
      { highWaterMark: 0 },
    );
    options.setIdleTimeout(0);
    this.#write(`retry: ${RETRY_MS}\n\n`);
    // A few bytes before anything is told: whoever subscribes now has read everything.
    this.#bufferedBytes = 0;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** For how long it has kept room of the budget from others, by not being read. */
  holdsRoomFor(now: number): number {
    return this.#budgetedBytes === 0 ? 0 : now - this.#writtenAt;
  }

  /** Bytes that the network has not taken yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /**
   * @param text JSON on one line.
   * @param id what resumes after it; without one, what was told before stays.
   */
  frame(text: string, id?: string): void {
    this.#write(`${id === undefined ? "" : `id: ${id}\n`}data: ${text}\n\n`);
  }

  /** Tells where to resume, and nothing else, before anything is told. */
  begin(id: string): void {
    this.#write(`id: ${id}\n\n`);
    this.#bufferedBytes = 0;
  }

  /** Where nothing has been told for a while, a comment. @param id where to resume, if that is not known yet. */
  beat(now: number, id: () => string | undefined): void {
    if (this.#bufferedBytes > 0 || now - this.#writtenAt < HEARTBEAT_MS) return;
    const known = id();
    this.#write(known === undefined ? ":\n\n" : `:\nid: ${known}\n\n`);
  }

  /** Ends after what has been told; whoever does not read that is cut off. */
  end(): void {
    if (this.#isOver) return;
    this.#options.setIdleTimeout(this.#options.idleSeconds);
    this.#end();
    this.#controller?.close();
  }

  /** Ends at once, for a client that does not read. */
  cut(): void {
    if (this.#isOver) return;
    // A stream that fails ends its connection only when the network has taken what it was given before.
    this.#options.setIdleTimeout(LAST_SECONDS);
    this.#end();
    this.#controller?.error(new Error("the stream was not read in time"));
  }

  #write(text: string): void {
    if (this.#isOver) return;
    const bytes = Buffer.from(text);
    const { budget } = this.#options;
    if (budget !== undefined && bytes.length > WHOLE_ANSWER_LENGTH_MAX) {
      // Nothing is lost: the client comes back, and resumes where it stood before.
      if (!budget.take(bytes.length)) {
        this.cut();
        return;
      }
      this.#budgetedBytes += bytes.length;
    }
    // Counted before it is handed on: it may be taken while it is.
    this.#bufferedBytes += bytes.length;
    this.#writtenAt = this.#options.now();
    this.#controller!.enqueue(bytes);
  }

  #taken(): void {
    this.#bufferedBytes = 0;
    this.#options.budget?.giveBack(this.#budgetedBytes);
    this.#budgetedBytes = 0;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#taken();
    this.#options.over();
  }
}
