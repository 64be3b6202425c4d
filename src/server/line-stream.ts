/**
 * One body of lines on its way into the ledger: read as it comes, handed over in pieces of whole lines, a few of them at a
 * time, and never further ahead than that. So its sender is held by what the ledger can take, and nothing piles up.
 */

import { addCounters, type Counters, zeroCounters } from "../events/event.ts";
import type { Outcome } from "../ingest/publish.ts";
import type { EventCharge } from "../limits/event-charge.ts";
import { type Problem, ProblemError, problem } from "../problem.ts";
import { type Caller, faultOfStanding } from "./admission.ts";
import { type BodyBudget, PIECES_IN_FLIGHT_MAX } from "./body.ts";
import type { ByteStream } from "./body-stream.ts";
import { LineCutter, PIECE_BYTES_MAX } from "./line-cutter.ts";
import { linesIn, PieceText } from "./piece-text.ts";
import type { Services } from "./services.ts";

/** UTF-16 units of one stream in the ledger's hands; one piece more is handed over as long as they are fewer. */
const IN_FLIGHT_LENGTH_MAX = PIECES_IN_FLIGHT_MAX * PIECE_BYTES_MAX;

/** How long a stream waits for room, in the queue of the ledger or in memory, before it gives up. */
export const ROOM_TIMEOUT_MS = 5_000;

/** Between two looks whether there is room. */
const ROOM_POLL_MS = 20;

/** What became of a stream. */
export interface StreamEnd {
  readonly counters: Counters;
  /** From the top, blank ones included. */
  readonly committedLines: number;
  readonly fault: StreamFault | undefined;
}

export interface StreamFault {
  /** Whatever is no `ProblemError` is passed on as it is. */
  readonly error: unknown;
  /** Whether the line after those that are committed is what is wrong. */
  readonly isOfLine: boolean;
}

type Needs = Pick<Services, "ledger" | "clock"> & { readonly bodyBudget: BodyBudget };

export class LineStream {
  readonly #cutter: LineCutter;
  readonly #text = new PieceText();
  readonly #stream: number;
  readonly #counters = zeroCounters();
  #committedLines = 0;
  /** Of pieces that held no event. */
  #blankLength = 0;
  #inFlight = 0;
  #inFlightLength = 0;
  /** What has been taken of the budget. */
  #countedBytes = 0;
  /** All of the body that will come has been gathered; what is whole of it is still to be handed over. */
  #hasEnded = false;
  /** Nothing more is handed over. */
  #isOver = false;
  /** Whatever could be handed over has been: only outcomes are waited for. */
  #isHandedOver = false;
  /** What ended the body early. */
  #fault: StreamFault | undefined;
  /** What the ledger did not take: it comes before all that is wrong further down. */
  #refusal: StreamFault | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(
    private readonly needs: Needs,
    private readonly caller: Caller,
    private readonly body: ByteStream,
    private readonly lineBytesMax: number,
  ) {
    this.#cutter = new LineCutter(lineBytesMax);
    this.#stream = needs.ledger.beginStream();
  }

  /** Resolves when the last piece has its outcome. */
  async run(): Promise<StreamEnd> {
    const { ledger } = this.needs;
    const draining = problem("draining", "The node is shutting down.");
    const stopWaiting = ledger.onDraining(() => {
      if (this.#isHandedOver) return;
      // What was found further down has not been reached.
      this.#fault = { error: new ProblemError(draining), isOfLine: false };
      this.#stop(this.#fault);
    });
    try {
      await Promise.all([this.#gather(), this.#handOver()]);
    } finally {
      stopWaiting();
      this.body.close();
      if (this.#refusal !== undefined) ledger.forgetStream(this.#stream);
      this.needs.bodyBudget.giveBack(this.#countedBytes);
    }
    return {
      counters: this.#counters,
      committedLines: this.#committedLines,
      fault: this.#refusal ?? this.#fault,
    };
  }

  /** Reads while there is less than a piece of the full size. */
  async #gather(): Promise<void> {
    try {
      for (;;) {
        await this.#until(() => this.#isOver || !this.#cutter.isFull);
        const chunk = this.#isOver ? undefined : await this.body.read();
        if (chunk === undefined) break;
        this.#cutter.append(chunk);
        if (this.#cutter.isLineTooLong) {
          this.#fault ??= { error: new ProblemError(this.#cutter.lineTooLong), isOfLine: true };
          break;
        }
        await this.#untilRoom(() => this.#count());
        this.#notify();
      }
    } catch (error) {
      // What came before it is whole, unless the client has gone: then nobody waits for it.
      if (error instanceof ProblemError) this.#fault ??= { error, isOfLine: false };
      else this.#stop({ error, isOfLine: false });
    }
    this.#hasEnded = true;
    this.#notify();
  }

  async #handOver(): Promise<void> {
    try {
      for (;;) {
        await this.#until(() => this.#isOver || this.#isPieceDue);
        const piece = this.#isOver ? undefined : this.#nextPiece();
        if (piece === undefined) break;
        const { text, fault } = this.#text.decode(piece);
        // There may be room for more of the body.
        this.#notify();
        if (text !== "") await this.#submit(text);
        if (fault !== undefined) throw new LineError(fault);
      }
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      // Whatever ended the body stands behind it.
      this.#fault = { error, isOfLine: error instanceof LineError };
      this.#stop(this.#fault);
    }
    this.#isHandedOver = true;
    await this.#until(() => this.#inFlight === 0);
  }

  /** What arrives while a piece is being committed becomes the next one. */
  get #isPieceDue(): boolean {
    if (this.#inFlight === 0) return this.#cutter.hasLines || this.#hasEnded;
    if (this.#inFlight >= PIECES_IN_FLIGHT_MAX || this.#inFlightLength >= IN_FLIGHT_LENGTH_MAX) return false;
    return this.#cutter.isFull || this.#hasEnded;
  }

  /** A last line without a line feed is whole only where the body is. */
  #nextPiece(): Uint8Array | undefined {
    try {
      return this.#cutter.take() ?? (this.#fault === undefined ? this.#cutter.takeRest() : undefined);
    } catch (error) {
      throw error instanceof ProblemError ? new LineError(error.problem) : error;
    }
  }

  /** @throws ProblemError whatever stands against it */
  async #submit(text: string): Promise<void> {
    const { ledger, clock, bodyBudget } = this.needs;
    const { grant, meter } = this.caller;
    const { length } = text;
    await bodyBudget.pieces.begin();
    let charge: EventCharge | undefined;
    let isTaken = false;
    try {
      const refused = faultOfStanding(this.caller, clock.now()) ?? meter?.refusalOfEvents();
      if (refused !== undefined) throw new ProblemError(refused);
      charge = meter?.limitsEvents ? meter.chargeEvents(linesIn(text)) : undefined;
      const publish = { text, form: "lines", wantsResults: false, grant, stream: this.#stream } as const;
      await this.#untilRoom(() => {
        if (this.#isOver) return undefined;
        const notTaken = ledger.submit(publish, (outcome) => this.#settle(outcome, length, charge));
        isTaken = notTaken === undefined;
        if (isTaken) this.#hold(1, length);
        return notTaken;
      });
    } finally {
      if (!isTaken) {
        charge?.notTaken();
        bodyBudget.pieces.end();
      }
    }
  }

  #hold(pieces: number, length: number): void {
    this.#inFlight += pieces;
    this.#inFlightLength += length;
  }

  #settle(outcome: Outcome, length: number, charge: EventCharge | undefined): void {
    this.#hold(-1, -length);
    this.needs.bodyBudget.pieces.end();
    if (outcome.kind === "refused") {
      charge?.refused();
      this.#refuse({ error: new ProblemError(outcome.problem), isOfLine: false });
    } else {
      const { counters, lines } = outcome;
      charge?.accepted(counters.received);
      addCounters(this.#counters, counters);
      this.#committedLines += lines?.count ?? 0;
      if (lines?.problem !== undefined)
        this.#refuse({ error: new ProblemError(lines.problem), isOfLine: true });
      else if (counters.received === 0) this.#passBlank(length);
    }
    if (this.#inFlight === 0) {
      this.#cutter.shrink();
      this.#count();
    }
    this.#notify();
  }

  /** Blank lines cost no rate, and a few kilobytes may become billions of them. */
  #passBlank(length: number): void {
    this.#blankLength += length;
    if (this.#blankLength <= this.lineBytesMax) return;
    const detail = `Blank lines may take ${this.lineBytesMax} bytes in all (--max-body-bytes).`;
    this.#stop({ error: new ProblemError(problem("body_too_large", detail)), isOfLine: false });
  }

  /** The first refusal says why; those behind it only follow from it. */
  #refuse(fault: StreamFault): void {
    this.#refusal ??= fault;
    this.#stop(fault);
  }

  #stop(fault: StreamFault): void {
    this.#fault ??= fault;
    this.#isOver = true;
    this.body.close();
    this.#notify();
  }

  /** Takes from the budget what is held by now, or gives back. */
  #count(): Problem | undefined {
    const held = this.#cutter.heldBytes + this.#inFlightLength;
    const { bodyBudget } = this.needs;
    if (held <= this.#countedBytes) bodyBudget.giveBack(this.#countedBytes - held);
    else {
      const refused = bodyBudget.refusalOf(held - this.#countedBytes);
      if (refused !== undefined) return refused;
      bodyBudget.take(held - this.#countedBytes);
    }
    this.#countedBytes = held;
    return undefined;
  }

  /** Tries again while there is too much of others. @throws ProblemError what stands in its way, at last */
  async #untilRoom(attempt: () => Problem | undefined): Promise<void> {
    let refused = attempt();
    if (refused === undefined) return;
    const { now } = this.needs.clock;
    for (const until = now() + ROOM_TIMEOUT_MS; refused?.code === "overloaded" && now() < until; ) {
      await Bun.sleep(ROOM_POLL_MS);
      refused = this.#isOver ? undefined : attempt();
    }
    if (refused !== undefined) throw new ProblemError(refused);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#changed.promise;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** What is wrong is the line behind those that were handed over. */
class LineError extends ProblemError {}
