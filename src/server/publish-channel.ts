/** One publish channel: numbers its frames, hands them in, and answers them in their order. Knows no WebSocket. */

import type { Grant } from "../access/grant.ts";
import { frameIdOf } from "../events/frame-id.ts";
import { type Ledger, type Outcome, refusal } from "../ingest/publish.ts";
import type { EventCharge } from "../limits/event-charge.ts";
import { type Problem, problem } from "../problem.ts";
import { frameAnswer } from "./answers.ts";

export interface ChannelSocket {
  send(text: string): void;
  /** Bytes that were sent and not yet taken by the network. */
  readonly bufferedBytes: number;
  close(code: number, reason: string): void;
}

/** What a channel takes, and how much of it. */
export interface ChannelRules {
  readonly eventsMax: number;
  readonly bytesMax: number;
  readonly inflightMax: number;
  /** How each frame is to be read; our own unless said. */
  readonly form?: "frame" | "cloud-event-frame";
}

/** Answers that a publisher does not read. */
export const UNREAD_ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** Refused frames that wait for earlier ones, as a multiple of the frames that may be in flight. */
export const REFUSED_PER_INFLIGHT_MAX = 16;

export class PublishChannel {
  /** Ordinal of the frame received last, from 1. */
  #received = 0;
  /** Ordinal of the frame answered last. */
  #answered = 0;
  #inflight = 0;
  /** Answers to frames that were not taken, waiting for the frames before them. */
  readonly #refused: { frame: number; answer: string }[] = [];
  #isClosed = false;

  constructor(
    private readonly socket: ChannelSocket,
    private readonly ledger: Ledger,
    private grant: Grant,
    private readonly rules: ChannelRules,
    private readonly onRefused: (problem: Problem) => void,
  ) {}

  get #form(): NonNullable<ChannelRules["form"]> {
    return this.rules.form ?? "frame";
  }

  open(): void {
    const { eventsMax, bytesMax, inflightMax } = this.rules;
    this.socket.send(
      `{"type":"hello","version":1,"max_events":${eventsMax},"max_bytes":${bytesMax},"max_inflight":${inflightMax}}`,
    );
  }

  /** @param charge what the frame was charged; settled here, however it ends. */
  receive(text: string, charge?: EventCharge): void {
    if (this.#isClosed) {
      charge?.notTaken();
      return;
    }
    const frame = ++this.#received;
    if (this.#inflight >= this.rules.inflightMax) {
      charge?.notTaken();
      this.#refuse(
        frame,
        problem("too_many_in_flight", `${this.rules.inflightMax} frames may wait for their answer.`),
        text,
      );
      return;
    }
    const publish = { text, form: this.#form, wantsResults: false, grant: this.grant } as const;
    const notTaken = this.ledger.submit(publish, (outcome) => {
      this.#inflight--;
      if (outcome.kind === "accepted") charge?.accepted(outcome.counters.received);
      else charge?.refused();
      this.#answer(frame, outcome);
    });
    if (notTaken === undefined) {
      this.#inflight++;
      return;
    }
    charge?.notTaken();
    this.#refuse(frame, notTaken, text);
  }

  /** From the next frame on. */
  renew(grant: Grant): void {
    this.grant = grant;
  }

  receiveBinary(): void {
    if (this.#isClosed) return;
    this.refuse(problem("unsupported_media_type", "Frames are JSON text; this one is binary."), undefined);
  }

  /** Answers a frame that is not looked at. @param text undefined where it is none. */
  refuse(notTaken: Problem, text: string | undefined): void {
    if (!this.#isClosed) this.#refuse(++this.#received, notTaken, text);
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Refuses a frame without asking the ledger; its answer still waits for those before it. */
  #refuse(frame: number, notTaken: Problem, text: string | undefined): void {
    // The id of a CloudEvent is the event's, not the frame's.
    const id = text === undefined || this.#form !== "frame" ? undefined : frameIdOf(text);
    const outcome = refusal(notTaken, id);
    if (this.#answered === frame - 1) {
      this.#answer(frame, outcome);
      return;
    }
    this.onRefused(notTaken);
    this.#refused.push({ frame, answer: frameAnswer(frame, outcome) });
    if (this.#refused.length > this.rules.inflightMax * REFUSED_PER_INFLIGHT_MAX) this.#closeAsTooSlow();
  }

  #answer(frame: number, outcome: Outcome): void {
    if (outcome.kind === "refused") this.onRefused(outcome.problem);
    this.#send(frame, frameAnswer(frame, outcome));
    while (this.#refused[0]?.frame === this.#answered + 1) {
      const { frame: next, answer } = this.#refused.shift()!;
      this.#send(next, answer);
    }
  }

  #send(frame: number, answer: string): void {
    this.#answered = frame;
    if (this.#isClosed) return;
    this.socket.send(answer);
    if (this.socket.bufferedBytes > UNREAD_ANSWER_BYTES_MAX) this.#closeAsTooSlow();
  }

  #closeAsTooSlow(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#refused.length = 0;
    this.socket.close(4408, "too slow: read the answers, reconnect and send again what was not acknowledged");
  }
}
