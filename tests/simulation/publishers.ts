/** Publishers: they send, read their answers, and send again what was not acknowledged. */

import { ANYONE, type Grant } from "../../src/ingest/grant.ts";
import type { Ledger, Outcome, Publish } from "../../src/ingest/publish.ts";
import type { Problem } from "../../src/problem.ts";
import { acceptedBody } from "../../src/server/answers.ts";
import { PublishChannel } from "../../src/server/publish-channel.ts";
import type { Expected, Submission } from "./oracle.ts";
import { joinScope } from "./scoped-store.ts";
import { EVENTS_MAX, type Intent } from "./traffic.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

/** The ledger as the edges see it, telling the oracle what was taken. */
export class ObservedLedger implements Ledger {
  /** Set around each call: what the publish at hand means. */
  current: Intent | undefined;
  /** The submission of the last call, unless it was not taken. */
  last: Submission | undefined;
  #submitted = 0;
  #answered = 0;

  constructor(
    private readonly inner: Ledger,
    private readonly taken: (submission: Submission) => void,
  ) {}

  submit(publish: Publish, answer: (outcome: Outcome) => void): Problem | undefined {
    const submission: Submission = { intent: this.current!, grant: publish.grant, expected: undefined };
    const ordinal = this.#submitted + 1;
    const notTaken = this.inner.submit(publish, (outcome) => {
      guaranteeSame(++this.#answered, ordinal, "the order of the answers");
      answer(outcome);
    });
    this.last = undefined;
    if (notTaken !== undefined) return notTaken;
    this.#submitted++;
    this.last = submission;
    this.taken(submission);
    return undefined;
  }

  locate(topic: string, scope: string, eventId: string): Promise<number[]> {
    return this.inner.locate(topic, scope, eventId);
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
    if (status < 429) this.#owed.delete(intent);
  }
}

export function publishOverHttp(
  ledger: ObservedLedger,
  debts: Debts,
  intent: Intent,
  wantsResults: boolean,
): void {
  ledger.current = intent;
  debts.add(intent);
  const { text, form } = intent;
  const notTaken = ledger.submit({ text, form, wantsResults, grant: ANYONE }, (outcome) => {
    const { expected } = submission!;
    if (outcome.kind === "refused") {
      guaranteeSame(expected, { kind: "refused", code: outcome.problem.code }, "the answer over HTTP");
      debts.answered(intent, outcome.problem.status);
      return;
    }
    guarantee(expected?.kind === "accepted", () => "a publish was acknowledged that should not have been");
    guaranteeSame(
      JSON.parse(acceptedBody(outcome)),
      expectedBody(intent, expected, wantsResults),
      "the answer over HTTP",
    );
    debts.answered(intent, 200);
  });
  const submission = ledger.last;
  if (notTaken !== undefined) guaranteeSame(notTaken.status, 503, "the status of what was not taken");
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
  #isOpen = true;
  /** The highest sequence number that a new event got on this socket. */
  #newest = 0;

  constructor(
    private readonly ledger: ObservedLedger,
    private readonly debts: Debts,
    private readonly grant: Grant,
    inflightMax: number,
  ) {
    const socket = {
      send: (text: string) => this.#receive(text),
      bufferedBytes: 0,
      close: () => guarantee(false, () => "the channel was closed on a publisher that reads"),
    };
    const limits = { eventsMax: EVENTS_MAX, bytesMax: 1_000_000, inflightMax };
    this.#channel = new PublishChannel(socket, ledger, grant, limits, () => {});
    this.#channel.open();
  }

  send(intent: Intent): void {
    this.ledger.current = intent;
    this.ledger.last = undefined;
    this.debts.add(intent);
    const frame: SentFrame = { intent, submission: undefined };
    this.#sent.push(frame);
    this.#channel.receive(intent.text);
    frame.submission = this.ledger.last;
  }

  get patterns(): readonly string[] {
    return this.grant.topics;
  }

  /** The connection is lost: what was not answered stays owed. */
  disconnect(): void {
    this.#isOpen = false;
    this.#channel.close();
  }

  #receive(text: string): void {
    guarantee(this.#isOpen, () => "an answer was sent on a closed socket");
    if (text.startsWith('{"type":"hello"')) return;
    const frame = ++this.#answered;
    const { intent, submission } = this.#sent.shift()!;
    const answer = JSON.parse(text) as { type: string; code?: string; status?: number };
    const hasId = answer.code !== "malformed_json";
    const id = hasId ? `"id":${intent.frameId ?? frame},` : "";
    const begin = `{"type":"${answer.type}","frame":${frame},${id}"co`;
    guarantee(text.startsWith(begin), () => `frame ${frame} with id ${intent.frameId} was answered ${text}`);
    if (answer.type === "ack") this.#acknowledged(text, { intent, submission });
    else this.#refused(answer, submission);
    this.debts.answered(intent, answer.status ?? 200);
  }

  #acknowledged(text: string, { intent, submission }: SentFrame): void {
    const expected = submission?.expected;
    guarantee(
      expected?.kind === "accepted",
      () => `a frame was acknowledged that should not have been: ${text}`,
    );
    const { type: _, frame: __, id: ___, ...rest } = JSON.parse(text);
    const results = intent.asksResults && { results: resultsOf(expected.verdicts) };
    guaranteeSame(
      rest,
      { count: intent.events.length, ...expected.counters, ...results },
      "the answer to a frame",
    );
    for (const { status, first } of expected.verdicts) {
      if (status !== "processed") continue;
      guarantee(first.seq > this.#newest, () => `seq ${first.seq} came after ${this.#newest} on one socket`);
      this.#newest = first.seq;
    }
  }

  #refused({ code, status }: { code?: string; status?: number }, submission: Submission | undefined): void {
    if (submission === undefined)
      guarantee(status === 429 || status === 503, () => `not taken, yet answered ${code}`);
    else guaranteeSame({ kind: "refused", code }, submission.expected, "the answer to a frame");
  }
}
