/** A stream of lines keeps a few pieces on their way, stops where it must, and says how far it came. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ANYONE } from "../../../src/access/grant.ts";
import type { LedgerClient } from "../../../src/ingest/ledger-client.ts";
import { refusal } from "../../../src/ingest/publish.ts";
import { Meter, makeRateLimits } from "../../../src/limits/rate-limits.ts";
import { type Problem, type ProblemCode, ProblemError, problem } from "../../../src/problem.ts";
import type { Caller } from "../../../src/server/admission.ts";
import { BodyBudget, PIECES_IN_FLIGHT_MAX } from "../../../src/server/body.ts";
import { PIECE_BYTES_MAX } from "../../../src/server/line-cutter.ts";
import { LineStream, ROOM_TIMEOUT_MS, type StreamEnd } from "../../../src/server/line-stream.ts";
import { FakeBody, FakeLedger, taken } from "./fake-line-ledger.ts";

const LINE_BYTES_MAX = 2 * PIECE_BYTES_MAX;

let ledger: FakeLedger;
let body: FakeBody;
let budget: BodyBudget;
let now: number;
let meter: Meter | undefined;
let isRevoked: boolean;
beforeEach(() => {
  ledger = new FakeLedger();
  body = new FakeBody();
  budget = new BodyBudget(64 * PIECE_BYTES_MAX);
  now = 0;
  meter = undefined;
  isRevoked = false;
});

function run(): Promise<StreamEnd> {
  const caller: Caller = {
    principal: {
      subject: "s",
      grants: {},
      expiresAt: 1e12,
      isRevoked: () => isRevoked,
    } as unknown as Caller["principal"],
    grant: ANYONE,
    meter,
  };
  const clock = { now: () => now++, startedAt: 0 };
  const needs = { ledger: ledger as unknown as LedgerClient, clock, bodyBudget: budget };
  return new LineStream(needs, caller, body, LINE_BYTES_MAX).run();
}

/** Everything that can go on without the test has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

/** Answers whatever comes until the stream has ended. */
async function ended(stream: Promise<StreamEnd>): Promise<StreamEnd> {
  let isOver = false;
  const over = stream.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    ledger.answer();
    await new Promise(setImmediate);
  }
  return over;
}

function shortly({
  committedLines,
  counters,
  fault,
}: StreamEnd): (number | ProblemCode | boolean | string)[] {
  const { error, isOfLine = false } = fault ?? {};
  if (error === undefined) return [committedLines, counters.received];
  const code = error instanceof ProblemError ? error.problem.code : String(error);
  return [committedLines, counters.received, code, isOfLine];
}

const full = (lines: number): string => `${"x".repeat(PIECE_BYTES_MAX - 1)}\n`.repeat(lines);

describe("on its way", () => {
  test("what is whole goes at once; what comes meanwhile is the next piece", async () => {
    const stream = run();
    body.send("a\nb");
    await settled();
    body.send("\nc\n");
    await settled();
    body.send("d");
    await settled();
    expect(ledger.texts).toEqual(["a\n"]);
    ledger.answer();
    await settled();
    expect(ledger.texts).toEqual(["a\n", "b\nc\n"]);
    body.send(undefined);
    expect(shortly(await ended(stream))).toEqual([4, 4]);
    expect(ledger.texts).toEqual(["a\n", "b\nc\n", "d"]);
    expect(ledger.submitted.every(({ form, stream }) => form === "lines" && stream === 7)).toBeTrue();
    expect([body.isClosed, ledger.isListened, ledger.forgotten]).toEqual([true, false, []]);
  });

  test("are so many pieces and no more, and beyond them the body is not read", async () => {
    const stream = run();
    for (let i = 0; i < 20; i++) body.send(full(1));
    await settled();
    expect(ledger.submitted).toHaveLength(PIECES_IN_FLIGHT_MAX);
    expect(body.reads).toBeLessThanOrEqual(PIECES_IN_FLIGHT_MAX + 1);
    ledger.answer(2);
    await settled();
    expect(ledger.submitted).toHaveLength(PIECES_IN_FLIGHT_MAX + 2);
    body.send(undefined);
    expect(shortly(await ended(stream))).toEqual([20, 20]);
  });

  test("are so many pieces of all streams together, which take turns", async () => {
    const bodies = ["a", "b", "c"].map((name) => {
      const own = (body = new FakeBody());
      const stream = run();
      const piece = `${name.repeat(PIECE_BYTES_MAX - 1)}\n`;
      own.send(piece, piece, piece, undefined);
      return stream;
    });
    await settled();
    expect(ledger.submitted).toHaveLength(PIECES_IN_FLIGHT_MAX);
    const order = (): string => ledger.texts.map((text) => text[0]).join("");
    expect([...order()].toSorted().join("")).toBe("aabc");
    ledger.answer(2);
    await settled();
    expect(ledger.submitted).toHaveLength(PIECES_IN_FLIGHT_MAX + 2);
    expect((await Promise.all(bodies.map(ended))).map(shortly)).toEqual([
      [3, 3],
      [3, 3],
      [3, 3],
    ]);
    await budget.pieces.begin();
  });

  test("is no second long line", async () => {
    const stream = run();
    const long = `${"x".repeat(LINE_BYTES_MAX)}\n`;
    body.send(long, long, long, undefined);
    await settled();
    expect(ledger.submitted.length).toBeLessThan(4);
    expect(shortly(await ended(stream))).toEqual([3, 3]);
  });

  test("is nothing of a body without a byte", async () => {
    body.send(undefined);
    expect(shortly(await run())).toEqual([0, 0]);
    expect(ledger.submitted).toEqual([]);
  });
});

describe("ends", () => {
  test("where the ledger found a bad line, whatever is wrong behind it", async () => {
    const stream = run();
    const lines = { count: 1, problem: problem("invalid_event", "no") };
    ledger.will("a\n{}\n", { ...taken("a\n"), lines });
    body.send("a\n{}\n");
    await settled();
    body.send(Uint8Array.of(0xff, 0x0a), "c\n", undefined);
    expect(shortly(await ended(stream))).toEqual([1, 1, "invalid_event", true]);
    expect([ledger.forgotten, body.isClosed]).toEqual([[7], true]);
  });

  test("with the first refusal, and what follows from it is not told", async () => {
    const stream = run();
    const [first, second] = [full(1), full(1).replace("x", "y")];
    ledger.will(first, refusal(problem("outcome_unknown", "?")));
    ledger.will(second, refusal(problem("overloaded", "behind")));
    body.send(first, second);
    await settled();
    expect(shortly(await ended(stream))).toEqual([0, 0, "outcome_unknown", false]);
  });

  test("before a line that is ill-formed, with those before it", async () => {
    body.send(
      "a\n\nb\n",
      Buffer.concat([Buffer.from("c\n"), Uint8Array.of(0xff, 0x0a), Buffer.from("d\n")]),
      undefined,
    );
    expect(shortly(await ended(run()))).toEqual([4, 4, "malformed_utf8", true]);
  });

  test.each(["", "\n"])("before a line that is too long, ended by %j", async (end) => {
    const stream = run();
    body.send("a\nb\n", "x".repeat(LINE_BYTES_MAX), `x${end}`, "c\n", undefined);
    expect(shortly(await ended(stream))).toEqual([2, 2, "body_too_large", true]);
  });

  test("where blank lines have taken as much as one line may, in all pieces that held nothing else", async () => {
    const stream = run();
    const blank = "\n".repeat(PIECE_BYTES_MAX);
    const nothing = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };
    ledger.will(blank, { ...taken(blank), counters: nothing });
    const pieces = LINE_BYTES_MAX / PIECE_BYTES_MAX;
    for (let i = 0; i < pieces; i++) body.send(blank, full(1));
    body.send(blank, ...Array.from({ length: 2 * PIECES_IN_FLIGHT_MAX }, () => blank));
    const end = await ended(stream);
    expect(shortly(end).slice(1)).toEqual([pieces, "body_too_large", false]);
    expect(body.isClosed).toBeTrue();
    // Those that were on their way are in as well, and are told.
    expect(end.committedLines).toBeLessThan((pieces + 2 + PIECES_IN_FLIGHT_MAX) * (PIECE_BYTES_MAX + 1));
  });

  test("where the body does, with all that is whole of it and no half line", async () => {
    const stream = run();
    body.send("a\nb\nhalf", new ProblemError(problem("request_timeout", "late")));
    expect(shortly(await ended(stream))).toEqual([2, 2, "request_timeout", false]);
    expect(ledger.texts.join("")).toBe("a\nb\n");
  });
});

describe("ends in the middle", () => {
  test("at once where the client has gone, with what was handed over", async () => {
    const stream = run();
    body.send("a\n");
    await settled();
    body.send("b\nhalf", new Error("gone"));
    await settled();
    expect(shortly(await ended(stream))).toEqual([1, 1, "Error: gone", false]);
    expect(ledger.texts).toEqual(["a\n"]);
  });

  test("when the node is shutting down, once what was handed over is in", async () => {
    const stream = run();
    body.send("a\n");
    await settled();
    body.send("b\n");
    await settled();
    ledger.drain();
    expect(body.isClosed).toBeTrue();
    expect(shortly(await ended(stream))).toEqual([1, 1, "draining", false]);
  });

  test("when the node is shutting down, and not for a line further down that is too long", async () => {
    const stream = run();
    body.send(`${full(PIECES_IN_FLIGHT_MAX + 1)}${"x".repeat(LINE_BYTES_MAX + 1)}`);
    await settled();
    ledger.drain();
    const { length } = ledger.texts;
    expect(length).toBe(PIECES_IN_FLIGHT_MAX);
    // The line behind those that are in is a good one, and would be blamed.
    expect(shortly(await ended(stream))).toEqual([length, length, "draining", false]);
  });

  test("is no end in the middle where everything was handed over before the node shut down", async () => {
    const stream = run();
    body.send("a\nb\n", undefined);
    await settled();
    ledger.drain();
    expect(shortly(await ended(stream))).toEqual([2, 2]);
  });

  test("when credentials are taken back in the middle", async () => {
    const stream = run();
    body.send("a\n");
    await settled();
    isRevoked = true;
    body.send("b\n", undefined);
    expect(shortly(await ended(stream))).toEqual([1, 1, "unauthorized", false]);
  });

  test("when a rate is used up, and each piece costs its lines", async () => {
    const rates = makeRateLimits(
      { perToken: { requests: 0, events: 10 }, perAddress: { requests: 0, events: 0 } },
      () => 0,
    )!;
    meter = new Meter(rates);
    meter.request("token", "s");
    const stream = run();
    body.send("a\n\n".repeat(6));
    await settled();
    body.send("b\n");
    const end = await ended(stream);
    expect(shortly(end)).toEqual([12, 12, "rate_limited", false]);
    expect((end.fault!.error as ProblemError).problem.retry_after).toBePositive();
  });
});

describe("room", () => {
  const overloaded = problem("overloaded", "full");

  test("is waited for in the queue, and what waits is neither lost nor overtaken", async () => {
    ledger.refusals.push(overloaded, overloaded);
    body.send("a\n", "b\n", undefined);
    expect(shortly(await ended(run()))).toEqual([2, 2]);
    expect(ledger.texts.join("")).toBe("a\nb\n");
  });

  test("is not waited for without end", async () => {
    const stream = run();
    body.send("a\n");
    await settled();
    ledger.refusals.push(...Array<Problem>(100).fill(overloaded));
    body.send("b\n");
    ledger.answer();
    await settled();
    now += ROOM_TIMEOUT_MS;
    expect(shortly(await ended(stream))).toEqual([1, 1, "overloaded", false]);
    expect(ledger.refusals.length).toBeGreaterThan(90);
  });

  test.each(["draining", "storage_failing", "starting"] as const)(
    "is not waited for where %s",
    async (code) => {
      ledger.refusals.push(problem(code, "no"));
      body.send("a\n", undefined);
      expect(shortly(await ended(run()))).toEqual([0, 0, code, false]);
      expect(ledger.submitted).toEqual([]);
    },
  );

  test("in memory is taken while a line is gathered, and given back whatever becomes of it", async () => {
    for (const last of [undefined, new Error("gone"), Uint8Array.of(0xff)]) {
      budget = new BodyBudget(2 * PIECE_BYTES_MAX);
      body = new FakeBody();
      const stream = run();
      body.send("x".repeat(PIECE_BYTES_MAX + 1));
      await settled();
      expect(budget.refusalOf(1)).toMatchObject({ code: "overloaded" });
      body.send(last, undefined);
      await ended(stream);
      expect(budget.refusalOf(2 * PIECE_BYTES_MAX)).toBeUndefined();
    }
  });

  test("in memory that others have is waited for, and not without end", async () => {
    budget.take(64 * PIECE_BYTES_MAX);
    const stream = run();
    body.send("a\n");
    await settled();
    now += ROOM_TIMEOUT_MS;
    expect(shortly(await ended(stream))).toEqual([1, 1, "overloaded", false]);
  });
});
