/** Answers of any size: large ones are counted, sent slice by slice as they are read, and not waited for without end. */

import type { AnswerBudget } from "../limits/answer-budget.ts";
import type { AwaitedBody, BodyDeadlines } from "../limits/body-deadlines.ts";
import { Turns } from "../limits/turns.ts";
import { refuse } from "../problem.ts";
import { TOO_MANY_ANSWERS } from "./models/problem.ts";

/** UTF-16 units of an answer that is sent in one go and not counted: the network takes it before many add up. */
export const WHOLE_ANSWER_LENGTH_MAX = 65_536;

/** Answers that are being made at one time, where they are to be large: several times their size is used for it. */
const MAKING_MAX = 2;

const SLICE_BYTES = 256 * 1024;

/** What a connection is given to take the rest, once an answer is given up. */
const LAST_SECONDS = 1;

const JSON_HEADERS = { "content-type": "application/json", "x-content-type-options": "nosniff" };

export interface LargeAnswersOptions {
  readonly budget: AnswerBudget;
  /** Of answers: until when they must have been read. */
  readonly deadlines: BodyDeadlines;
  readonly setIdleTimeout: (request: Request, seconds: number) => void;
}

export class LargeAnswers {
  readonly #turns = new Turns(MAKING_MAX);

  constructor(private readonly options: LargeAnswersOptions) {}

  /** Bytes that are on their way. */
  get bytes(): number {
    return this.options.budget.bytes;
  }

  /** @throws ProblemError `overloaded` where there is no room for it. */
  json(request: Request, text: string): Response {
    return this.text(request, text, JSON_HEADERS);
  }

  /** @throws ProblemError `overloaded` where there is no room for it. */
  text(request: Request, text: string, headers: Record<string, string>): Response {
    if (text.length <= WHOLE_ANSWER_LENGTH_MAX) return new Response(text, { headers });
    const size = Buffer.byteLength(text);
    if (!this.options.budget.take(size)) refuseLarge();
    return this.#inSlices(request, text, size, headers);
  }

  /** The answer to what has been done already: it is not refused any more. */
  owedJson(request: Request, text: string): Response {
    if (text.length <= WHOLE_ANSWER_LENGTH_MAX) return new Response(text, { headers: JSON_HEADERS });
    const size = Buffer.byteLength(text);
    this.options.budget.owe(size);
    return this.#inSlices(request, text, size, JSON_HEADERS);
  }

  /** @throws ProblemError `overloaded` where a large answer would be refused, so that nothing is done for it. */
  expectRoom(): void {
    const { budget } = this.options;
    if (!budget.take(WHOLE_ANSWER_LENGTH_MAX)) refuseLarge();
    budget.giveBack(WHOLE_ANSWER_LENGTH_MAX);
  }

  /** Makes an answer that is likely to be large once its turn has come. @throws ProblemError `overloaded` */
  inTurn(make: () => Promise<Response>): Promise<Response> {
    return this.#turns.run(() => {
      this.expectRoom();
      return make();
    });
  }

  sweep(now: number): void {
    this.options.deadlines.sweep(now);
  }

  #inSlices(request: Request, text: string, size: number, headers: Record<string, string>): Response {
    const { budget, deadlines, setIdleTimeout } = this.options;
    const answer = new SlicedAnswer(Buffer.from(text), {
      taken: (bytes) => deadlines.arrived(answer, bytes),
      over: () => {
        deadlines.done(answer);
        budget.giveBack(size);
      },
      // A stream that fails ends its connection only when the network has taken what it was given before.
      late: () => setIdleTimeout(request, LAST_SECONDS),
    });
    deadlines.watch(answer);
    return new Response(answer.stream, { headers });
  }
}

interface AnswerEvents {
  /** The network took so many bytes. */
  taken(bytes: number): void;
  /** Everything was taken, or nobody is there to take it; once. */
  over(): void;
  late(): void;
}

/** Bun asks for a slice when the network has taken the last one, and cancels when the client is gone. */
class SlicedAnswer implements AwaitedBody {
  deadline = 0;
  isSlow = false;
  readonly stream: ReadableStream<Uint8Array>;
  /** Undefined when it is over. */
  #content: Buffer | undefined;
  #sent = 0;
  #taken = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(
    content: Buffer,
    private readonly events: AnswerEvents,
  ) {
    this.#content = content;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: (controller) => this.#next(controller),
        cancel: () => this.#end(),
      },
      { highWaterMark: 0 },
    );
  }

  onSlow(): void {}

  onLate(): void {
    this.events.late();
    this.#end();
    this.#controller?.error(new Error("the answer was not read in time"));
  }

  #next(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (this.#content === undefined) return;
    this.events.taken(this.#sent - this.#taken);
    this.#taken = this.#sent;
    if (this.#sent === this.#content.length) {
      this.#end();
      controller.close();
      return;
    }
    // A copy: a view would keep all of the answer for as long as the network keeps the slice.
    const slice = Uint8Array.prototype.slice.call(this.#content, this.#sent, this.#sent + SLICE_BYTES);
    this.#sent += slice.length;
    controller.enqueue(slice);
  }

  #end(): void {
    if (this.#content === undefined) return;
    this.#content = undefined;
    this.events.over();
  }
}

function refuseLarge(): never {
  refuse("overloaded", TOO_MANY_ANSWERS);
}
