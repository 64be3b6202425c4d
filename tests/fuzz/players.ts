/** Plays cases against a node: requests over a connection that is kept, the rest over connections of their own. */

import { Connection } from "./connection.ts";
import { type BrokenCase, type LinesOwed, type RequestCase, SMUGGLED_TOPIC } from "./fuzz-case.ts";
import { type HttpAnswer, isReplayed, takeAnswer } from "./http-answer.ts";
import { FuzzViolation, type Judge, type Refusal } from "./judge.ts";
import type { Tally } from "./tally.ts";

export interface Target {
  readonly port: number;
  readonly judge: Judge;
  readonly tally: Tally;
  /** Header lines with which the node lets the fuzzer in. */
  readonly authorization: string;
}

/** The next answer; undefined when the connection ends instead. */
export async function answerOf(connection: Connection, method: string): Promise<HttpAnswer | undefined> {
  for (;;) {
    const changed = connection.changed();
    const answer = takeAnswer(connection, method);
    if (answer !== undefined || connection.hasEnded) return answer;
    await changed;
  }
}

/** One connection after the other, each for as many requests as the node lets it have. */
export class RequestPlayer implements Disposable {
  #connection: Connection | undefined;

  constructor(private readonly target: Target) {}

  async play(fuzzCase: RequestCase): Promise<void> {
    const { method, bytes, isPublish, events, lines, statuses } = fuzzCase;
    const { port, judge, tally } = this.target;
    if (this.#connection === undefined || this.#connection.hasEnded)
      this.#connection = await Connection.to(port);
    const connection = this.#connection;
    connection.write(bytes);
    const answer = await answerOf(connection, method);
    if (answer === undefined) throw new FuzzViolation("The connection ended without an answer");
    if (connection.received.length > 0) throw new FuzzViolation("More than one answer to one request");
    if (answer.headers.get("connection") === "close") this[Symbol.dispose]();
    const refusal = judge.http(method, answer);
    if (statuses !== undefined && answer.status < 500 && !statuses.includes(answer.status))
      throw new FuzzViolation(
        `Expected the status to be ${statuses.join(" or ")}, got ${answer.status} ${refusal?.text}`,
      );
    if (refusal !== undefined) {
      if (isPublish && refusal.status < 500) tally.refused++;
      else if (method === "POST") tally.perhapsRefused++;
      if (events !== undefined && refusal.status < 500) throw new FuzzViolation(`Refused: ${refusal.text}`);
      const received = refusal.committed === undefined ? 0 : tally.add(refusal.committed);
      if (lines !== undefined && refusal.status < 500) checkLines(lines, refusal, received);
    } else if (method === "POST" && !isReplayed(answer)) {
      // Nothing else takes a POST, however its path was spelt.
      const received = tally.add(JSON.parse(answer.body.toString()));
      const owed = lines?.events ?? events;
      if (owed !== undefined && received !== owed)
        throw new FuzzViolation(`Expected ${owed} events to be acknowledged, got ${received}`);
      if (lines?.isWhole === false) throw new FuzzViolation("A line that is wrong was accepted");
    }
  }

  [Symbol.dispose](): void {
    this.#connection?.[Symbol.dispose]();
    this.#connection = undefined;
  }
}

/** What was refused is the first line that is wrong, and everything before it is in. */
function checkLines(
  { committed, events, isWhole }: LinesOwed,
  { text, committed: got }: Refusal,
  received: number,
): void {
  if (isWhole) throw new FuzzViolation(`Refused: ${text}`);
  if (got?.committed_lines !== committed || received !== events || got.line !== committed + 1)
    throw new FuzzViolation(`Expected ${committed} lines with ${events} events to be in, got ${text}`);
}

/** Answers that a broken case may count as refused at most: it may hold several requests. */
const REFUSED_PER_BROKEN_MAX = 4;

export async function playBroken({ chunks, isDropped }: BrokenCase, target: Target): Promise<void> {
  const { port, judge, tally, authorization } = target;
  tally.perhapsRefused += REFUSED_PER_BROKEN_MAX;
  using connection = await Connection.to(port);
  for (const chunk of chunks) {
    connection.write(chunk);
    await barrier(port, authorization);
  }
  for (let answer = takeAnswer(connection, "GET"); answer !== undefined; ) {
    const refusal = judge.broken(answer);
    if (refusal?.committed !== undefined) tally.addUnanswered(refusal.committed.received);
    if (answer.status === 200) unansweredAcknowledged(answer, tally);
    answer = takeAnswer(connection, "GET");
  }
  if (isDropped) return;
  // Whatever it is waiting for, there will not be any more of it: the node must let go.
  connection.finish();
  while (!connection.hasEnded) await connection.changed();
}

function unansweredAcknowledged({ body }: HttpAnswer, tally: Tally): void {
  const { status, received, topic } = JSON.parse(body.toString()) as {
    status?: string;
    received?: number;
    topic?: string;
  };
  if (topic === SMUGGLED_TOPIC) throw new FuzzViolation("A request hidden in another one was carried out");
  if (status === "processed" || status === "duplicate" || status === "accepted")
    tally.addUnanswered(received ?? 0);
}

/** Resolves when the node has answered a question that was asked after everything that was sent before. */
export async function barrier(port: number, authorization: string): Promise<void> {
  using connection = await Connection.to(port);
  connection.write(
    Buffer.from(`GET /health/live HTTP/1.1\r\nhost: localhost\r\n${authorization}\r\n`, "latin1"),
  );
  if ((await answerOf(connection, "GET"))?.status !== 200) throw new FuzzViolation("The node is not live");
}
