/** Publishers: they send, read their answers, and send again what was not acknowledged. */

import { ANYONE, type Grant } from "../../src/access/grant.ts";
import type { Ledger, Outcome, Publish } from "../../src/ingest/publish.ts";
import type { Problem } from "../../src/problem.ts";
import { acceptedBody } from "../../src/server/answers.ts";
import { PublishChannel, REFUSED_PER_INFLIGHT_MAX } from "../../src/server/publish-channel.ts";
import { type Expected, requestKeyOf, type Submission } from "./expected.ts";
import { joinScope } from "./scoped-store.ts";
import { tally } from "./tally.ts";
import { EVENTS_MAX, type Intent } from "./traffic.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

/** What the edge has been told of the ledger. */
export type EdgeState = "starting" | "ready" | "failing" | "draining";

const REFUSED_WHILE = { starting: "starting", failing: "storage_failing", draining: "draining" } as const;

export interface ObservedLedgerOptions {
  readonly queuePublishesMax: number;
  readonly queueBytesMax: number;
  readonly taken: (submission: Submission) => void;
  /** What the counters that `GET /stats` reads have counted. */
  readonly received: () => number;
}

/** The ledger as the edges see it, telling the oracle what was taken. */
export class ObservedLedger implements Ledger {
  /** Set around each call: what the publish at hand means. */
  current: Intent | undefined;
  /** The submission of the last call, unless it was not taken. */
  last: Submission | undefined;
  state: EdgeState = "starting";
  #submitted = 0;
  #answered = 0;
  #bytes = 0;

  constructor(
    private readonly inner: Ledger,
    private readonly options: ObservedLedgerOptions,
  ) {}

  /** Publishes that were taken and not answered. */
  get waiting(): number {
    return this.#submitted - this.#answered;
  }

  refusalOf(bytes: number): Problem | undefined {
    return this.inner.refusalOf(bytes);
  }

  submit(publish: Publish, answer: (outcome: Outcome) => void): Problem | undefined {
    const submission: Submission = { intent: this.current!, grant: publish.grant, expected: undefined };
    const ordinal = this.#submitted + 1;
    const bytes = publish.text.length;
    const expected = this.#refusalOf(bytes);
    const notTaken = this.inner.submit(publish, (outcome) => {
      guaranteeSame("answers come once and in order", ++this.#answered, ordinal, "the ordinal of an answer");
      this.#bytes -= bytes;
      this.#expectCounted(submission);
      answer(outcome);
    });
    const what = `a publish of ${bytes} bytes while ${this.state}, ${this.waiting} waiting`;
    guaranteeSame("what is not taken is refused for a reason that holds", notTaken?.code, expected, what);
    this.last = undefined;
    if (notTaken !== undefined) {
      tally.count("outcomes", `not taken: ${notTaken.code}`);
      return notTaken;
    }
    this.#submitted++;
    this.#bytes += bytes;
    this.last = submission;
    this.options.taken(submission);
    return undefined;
  }

  locate(topic: string, scope: string, eventId: string): Promise<number[]> {
    return this.inner.locate(topic, scope, eventId);
  }

  #refusalOf(bytes: number): string | undefined {
    if (this.state !== "ready") return REFUSED_WHILE[this.state];
    const { queuePublishesMax, queueBytesMax } = this.options;
    const isFull = this.waiting >= queuePublishesMax || this.#bytes + bytes > queueBytesMax;
    return this.waiting > 0 && isFull ? "overloaded" : undefined;
  }

  /** Whoever reads the counters after an answer sees what it acknowledged. */
  #expectCounted({ expected }: Submission): void {
    if (expected?.kind !== "accepted") return;
    const received = this.options.received();
    guarantee(
      "counters come before answers",
      received >= expected.counted,
      () => `${received} were counted, ${expected.counted} had been received`,
    );
  }
}

/** What publishers owe: everything that they sent and that was neither acknowledged nor wrong. */
export class Debts {
  #owed = new Set<Intent>();

  get owed(): readonly Intent[] {
    return [...this.#owed];
  }

  add(intent: Intent): void {
    this.#owed.add(intent);
  }

  answered(intent: Intent, status: number): void {
    // Another request with its key was in the same commit.
    if (status < 429 && status !== 409) this.#owed.delete(intent);
  }
}

export function publishOverHttp(
  ledger: ObservedLedger,
  debts: Debts,
  intent: Intent,
  asksResults: boolean,
): void {
  const wantsResults = intent.key?.wantsResults ?? asksResults;
  if (intent.key !== undefined) tally.count("publishes", "with a key");
  tally.count("publishes", wantsResults ? "over HTTP, with results" : "over HTTP");
  ledger.current = intent;
  debts.add(intent);
  const { text, form } = intent;
  const key = intent.key && requestKeyOf(intent);
  const notTaken = ledger.submit(
    { text, form, wantsResults, grant: ANYONE, ...(key && { key }) },
    (outcome) => {
      const { expected } = submission!;
      if (outcome.kind === "refused") {
        const refused = { kind: "refused", code: outcome.problem.code };
        guaranteeSame("a refusal says why", expected, refused, "the answer over HTTP");
        debts.answered(intent, outcome.problem.status);
        return;
      }
      const isExpected = expected?.kind === "accepted";
      guarantee("only what is committed is acknowledged", isExpected, () => "over HTTP");
      const [body, right] = [JSON.parse(acceptedBody(outcome)), expectedBody(intent, expected, wantsResults)];
      guaranteeSame("an answer over HTTP says what became of the events", body, right, "the body");
      debts.answered(intent, 200);
    },
  );
  const submission = ledger.last;
  if (notTaken === undefined) return;
  guaranteeSame("what is not taken is refused for a reason that holds", notTaken.status, 503, "the status");
}

function expectedBody(
  { events, isSingle }: Intent,
  { counters, verdicts }: Expected & { kind: "accepted" },
  wantsResults: boolean,
): object {
  const isDuplicate = counters.duplicate_dropped > 0;
  const status = isSingle ? (isDuplicate ? "duplicate" : "processed") : "accepted";
  const [first] = verdicts;
  const single = isSingle && {
    is_duplicate: isDuplicate,
    topic: events[0]!.topic,
    event_id: joinScope(events[0]!),
    seq: first!.first.seq,
  };
  return {
    status,
    count: events.length,
    ...counters,
    ...single,
    ...(wantsResults && { results: resultsOf(verdicts) }),
  };
}

function resultsOf(verdicts: (Expected & { kind: "accepted" })["verdicts"]): object[] {
  return verdicts.map(({ status, first }) => ({
    event_id: joinScope(first),
    topic: first.topic,
    status,
    seq: first.seq,
    first_received_at: new Date(first.at).toISOString(),
  }));
}

interface SentFrame {
  readonly intent: Intent;
  submission: Submission | undefined;
}

/** A connection to /ws/publish and what its publisher expects on it. */
export class SimulatedChannel {
  readonly #channel: PublishChannel;
  readonly #sent: SentFrame[] = [];
  #answered = 0;
  #inflight = 0;
  #isOpen = true;
  /** The highest sequence number that a new event got on this socket. */
  #newest = 0;

  constructor(
    private readonly ledger: ObservedLedger,
    private readonly debts: Debts,
    grant: Grant,
    private readonly inflightMax: number,
  ) {
    const socket = {
      send: (text: string) => this.#receive(text),
      bufferedBytes: 0,
      close: (code: number) => this.#closed(code),
    };
    const limits = { eventsMax: EVENTS_MAX, bytesMax: 1_000_000, inflightMax };
    this.#channel = new PublishChannel(socket, ledger, grant, limits, () => {});
    this.#channel.open();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  send(intent: Intent): void {
    tally.count("publishes", intent.asksResults ? "on a channel, with results" : "on a channel");
    this.ledger.current = intent;
    this.ledger.last = undefined;
    this.debts.add(intent);
    const frame: SentFrame = { intent, submission: undefined };
    const isOver = this.#inflight >= this.inflightMax;
    this.#sent.push(frame);
    this.#channel.receive(intent.text);
    frame.submission = this.ledger.last;
    if (frame.submission !== undefined) this.#inflight++;
    const isTaken = frame.submission !== undefined;
    const limit = "what waits stays within its limits";
    guarantee(limit, !(isOver && isTaken), () => `${this.#inflight} frames in flight on a channel`);
  }

  /** The connection is lost: what was not answered stays owed. */
  disconnect(): void {
    this.#isOpen = false;
    this.#channel.close();
  }

  /** Only somebody who sends on and on beyond what may be in flight is closed. */
  #closed(code: number): void {
    const refused = this.#sent.length - this.#inflight;
    const check = "what is not taken is refused for a reason that holds";
    const isRight = code === 4408 && refused > this.inflightMax * REFUSED_PER_INFLIGHT_MAX;
    guarantee(check, isRight, () => `closed with ${code} on a publisher with ${refused} refused frames`);
    tally.count("publishes", "a channel was closed: too many frames beyond its limit");
    this.#isOpen = false;
  }

  #receive(text: string): void {
    guarantee("who has left is told nothing", this.#isOpen, () => "an answer was sent on a closed socket");
    if (text.startsWith('{"type":"hello"')) return;
    const frame = ++this.#answered;
    const { intent, submission } = this.#sent.shift()!;
    if (submission !== undefined) this.#inflight--;
    const answer = JSON.parse(text) as { type: string; code?: string; status?: number };
    const hasId = answer.code !== "malformed_json";
    const id = hasId ? `"id":${intent.frameId ?? frame},` : "";
    const begin = `{"type":"${answer.type}","frame":${frame},${id}"co`;
    const what = (): string => `frame ${frame} with id ${intent.frameId} was answered ${text}`;
    guarantee("answers come once and in order", text.startsWith(begin), what);
    if (answer.type === "ack") this.#acknowledged(text, { intent, submission });
    else this.#refused(answer, submission);
    this.debts.answered(intent, answer.status ?? 200);
  }

  #acknowledged(text: string, { intent, submission }: SentFrame): void {
    const expected = submission?.expected;
    guarantee("only what is committed is acknowledged", expected?.kind === "accepted", () => text);
    const { type: _, frame: __, id: ___, ...rest } = JSON.parse(text);
    const results = intent.asksResults && { results: resultsOf(expected.verdicts) };
    const right = { count: intent.events.length, ...expected.counters, ...results };
    guaranteeSame("an answer to a frame says what became of the events", rest, right, "the acknowledgement");
    for (const { status, first } of expected.verdicts) {
      if (status !== "processed") continue;
      const what = (): string => `seq ${first.seq} came after ${this.#newest}`;
      guarantee("new events ascend on a socket", first.seq > this.#newest, what);
      this.#newest = first.seq;
    }
  }

  #refused({ code, status }: { code?: string; status?: number }, submission: Submission | undefined): void {
    if (submission === undefined) {
      const isRight = status === 503 || (status === 429 && code === "too_many_in_flight");
      guarantee("a refusal says why", isRight, () => `not taken, yet answered ${status} ${code}`);
    } else
      guaranteeSame("a refusal says why", submission.expected, { kind: "refused", code }, "on a channel");
  }
}
