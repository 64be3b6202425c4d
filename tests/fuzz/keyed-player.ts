/** Plays a request with a key again and again: one of them is done, the others get its answer or have to wait. */

import { Connection } from "./connection.ts";
import type { KeyedCase } from "./fuzz-case.ts";
import { type HttpAnswer, isReplayed } from "./http-answer.ts";
import { FuzzViolation, type Refusal } from "./judge.ts";
import { answerOf, type Target } from "./players.ts";

interface Played {
  readonly answer: HttpAnswer;
  readonly refusal: Refusal | undefined;
}

export async function playKeyed(fuzzCase: KeyedCase, target: Target): Promise<void> {
  const { tally } = target;
  const play = (bytes: Buffer): Promise<Played> => playAlone(bytes, target);
  if (fuzzCase.refused !== undefined) {
    const { refusal } = await play(fuzzCase.refused);
    if (refusal === undefined) throw new FuzzViolation("A body that is none was accepted");
  }
  const copies = await Promise.all(Array.from({ length: fuzzCase.copies }, () => play(fuzzCase.request)));
  for (const { refusal } of copies)
    if (refusal !== undefined && refusal.status !== 409 && refusal.status !== 503)
      throw new FuzzViolation(`Refused: ${refusal.text}`);
  const answers = copies.filter(({ refusal }) => refusal === undefined).map(({ answer }) => answer);
  // Where all had to give way to each other, or to an overload, the next one is the first.
  const last = await play(fuzzCase.request);
  if (last.refusal !== undefined && last.refusal.status < 500)
    throw new FuzzViolation(`Refused: ${last.refusal.text}`);
  if (last.refusal === undefined) answers.push(last.answer);
  const done = answers.filter((answer) => !isReplayed(answer));
  if (answers.length === 0) return;
  if (done.length !== 1) throw new FuzzViolation(`One request was done ${done.length} times`);
  for (const { body } of answers)
    if (!body.equals(answers[0]!.body)) throw new FuzzViolation(`Another answer than at first: ${body}`);
  const received = tally.add(JSON.parse(done[0]!.body.toString()));
  if (received !== fuzzCase.events)
    throw new FuzzViolation(`Expected ${fuzzCase.events} events to be acknowledged, got ${received}`);
  const { refusal } = await play(fuzzCase.other);
  if (refusal?.code !== "idempotency_key_reused" && refusal?.status !== 503)
    throw new FuzzViolation(`Another request under the same key: ${refusal?.code}`);
}

/** On a connection of its own, so that several can be sent at one time. */
async function playAlone(bytes: Buffer, { port, judge, tally }: Target): Promise<Played> {
  using connection = await Connection.to(port);
  connection.write(bytes);
  const answer = await answerOf(connection, "POST");
  if (answer === undefined) throw new FuzzViolation("The connection ended without an answer");
  const refusal = judge.http("POST", answer);
  if (refusal !== undefined && refusal.status < 500) tally.refused++;
  return { answer, refusal };
}
