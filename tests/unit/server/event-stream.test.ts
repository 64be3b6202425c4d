/** A stream tells frames in order, as fast as they are taken, and is over once, however it ends. */

import { expect, test } from "bun:test";
import { AnswerBudget } from "../../../src/limits/answer-budget.ts";
import { EventStream, HEARTBEAT_MS } from "../../../src/server/event-stream.ts";
import { WHOLE_ANSWER_LENGTH_MAX } from "../../../src/server/large-answers.ts";

const IDLE_SECONDS = 10;
const LARGE = "x".repeat(WHOLE_ANSWER_LENGTH_MAX + 1);

function benchOf(budgetBytes = 1e6) {
  const bench = { now: 0, over: 0, idle: [] as number[], budget: new AnswerBudget(budgetBytes) };
  const stream = new EventStream({
    budget: bench.budget,
    setIdleTimeout: (seconds) => bench.idle.push(seconds),
    idleSeconds: IDLE_SECONDS,
    now: () => bench.now,
    over: () => bench.over++,
  });
  return { ...bench, bench, stream, reader: stream.body.getReader() as Reader };
}

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

async function read(reader: Reader): Promise<string> {
  return Buffer.from((await reader.read()).value ?? []).toString();
}

/** Reads on, so that whatever there is has been taken. */
function readOn(reader: Reader): Promise<string> {
  return read(reader);
}

test("a stream says first when to come back, and then each frame with where to resume", async () => {
  const { stream, reader, idle } = benchOf();
  expect(idle).toEqual([0]);
  expect(await read(reader)).toBe("retry: 1000\n\n");
  stream.frame('{"a":1}', "one");
  expect(await read(reader)).toBe('id: one\ndata: {"a":1}\n\n');
  stream.frame('{"type":"error"}');
  expect(await read(reader)).toBe('data: {"type":"error"}\n\n');
});

test("where to resume before anything is told is told at the beginning", async () => {
  const { stream, reader } = benchOf();
  stream.begin("one");
  expect(stream.bufferedBytes).toBe(0);
  expect(await read(reader)).toBe("retry: 1000\n\n");
  expect(await read(reader)).toBe("id: one\n\n");
});

test("what has not been taken counts as buffered until somebody asks for more", async () => {
  const { stream, reader } = benchOf();
  // What a stream begins with keeps nobody from telling more.
  expect(stream.bufferedBytes).toBe(0);
  await read(reader);
  const next = readOn(reader);
  stream.frame("{}");
  await next;
  expect(stream.bufferedBytes).toBe(10);
  stream.frame("é");
  expect(stream.bufferedBytes).toBe(20);
});

test("a comment comes after 15 s without a frame, and says where to resume if that has moved", async () => {
  const { stream, reader, bench } = benchOf();
  await read(reader);
  let next = readOn(reader);
  const beat = (id?: string): void => stream.beat(bench.now, () => id);
  bench.now = HEARTBEAT_MS - 1;
  beat();
  expect(stream.bufferedBytes).toBe(0);
  stream.frame("{}");
  expect(await next).toBe("data: {}\n\n");
  next = readOn(reader);
  bench.now += HEARTBEAT_MS - 1;
  beat();
  expect(stream.bufferedBytes).toBe(0);
  bench.now += 1;
  beat();
  expect(await next).toBe(":\n\n");
  next = readOn(reader);
  bench.now += HEARTBEAT_MS;
  beat("moved");
  expect(await next).toBe(":\nid: moved\n\n");
  // Nobody took that one, so there is no other behind it.
  bench.now += 10 * HEARTBEAT_MS;
  const { bufferedBytes } = stream;
  beat("moved");
  expect(stream.bufferedBytes).toBe(bufferedBytes);
});

test("an end comes after all that was told, and leaves the connection the time of an idle one", async () => {
  const { stream, reader, bench, idle } = benchOf();
  stream.frame("{}");
  stream.end();
  stream.end();
  stream.frame("lost");
  expect([bench.over, idle]).toEqual([1, [0, IDLE_SECONDS]]);
  expect(await read(reader)).toBe("retry: 1000\n\n");
  expect(await read(reader)).toBe("data: {}\n\n");
  expect(await reader.read()).toEqual({ done: true, value: undefined });
});

test("one that is cut fails, and its connection has a second", async () => {
  const { stream, reader, bench, idle } = benchOf();
  stream.frame("{}");
  stream.cut();
  stream.end();
  expect([bench.over, idle]).toEqual([1, [0, 1]]);
  expect(reader.read()).rejects.toThrow("not read in time");
});

test("a client that goes ends it, once", async () => {
  const { stream, reader, bench } = benchOf();
  await read(reader);
  await reader.cancel();
  expect([bench.over, stream.isOver]).toEqual([1, true]);
  stream.frame("lost");
  stream.beat(1e9, () => undefined);
  stream.cut();
  expect([bench.over, stream.bufferedBytes]).toEqual([1, 0]);
});

test("large frames count until they are taken, and one for which there is no room cuts the stream", async () => {
  const { stream, reader, bench, budget } = benchOf(100_000);
  await read(reader);
  const next = readOn(reader);
  stream.frame(LARGE);
  expect(budget.bytes).toBe(LARGE.length + 8);
  await next;
  void readOn(reader).catch(() => {});
  expect(budget.bytes).toBe(0);
  stream.frame(LARGE);
  void readOn(reader).catch(() => {});
  budget.owe(50_000);
  stream.frame(LARGE);
  expect(bench.over).toBe(1);
  expect(budget.bytes).toBe(50_000);
});

test("large frames of a client that is gone are given back", async () => {
  const { stream, reader, budget } = benchOf();
  stream.frame(LARGE);
  expect(budget.bytes).toBeGreaterThan(0);
  await reader.cancel();
  expect(budget.bytes).toBe(0);
});
