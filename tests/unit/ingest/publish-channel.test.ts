/** A publish channel answers each frame once, in the order of the frames, and never piles up without end. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ANYONE } from "../../../src/access/grant.ts";
import { zeroCounters } from "../../../src/events/event.ts";
import type { Ledger, Outcome, Publish } from "../../../src/ingest/publish.ts";
import { Meter, makeRateLimits } from "../../../src/limits/rate-limits.ts";
import { type Problem, problem } from "../../../src/problem.ts";
import {
  PublishChannel,
  REFUSED_PER_INFLIGHT_MAX,
  UNREAD_ANSWER_BYTES_MAX,
} from "../../../src/server/publish-channel.ts";

interface Frame {
  readonly type: string;
  readonly frame?: number;
  readonly id?: unknown;
  readonly code?: string;
}

const INFLIGHT_MAX = 4;

let sent: Frame[];
let closed: number[];
let bufferedBytes: number;
let submitted: { publish: Publish; answer: (outcome: Outcome) => void }[];
let notTaken: Problem | undefined;
let refused: string[];
let channel: PublishChannel;

beforeEach(() => {
  [sent, closed, bufferedBytes, submitted, notTaken, refused] = [[], [], 0, [], undefined, []];
  const socket = {
    send: (text: string) => sent.push(JSON.parse(text) as Frame),
    get bufferedBytes() {
      return bufferedBytes;
    },
    close: (code: number) => closed.push(code),
  };
  const ledger: Ledger = {
    refusalOf: () => notTaken,
    submit(publish, answer) {
      if (notTaken === undefined) submitted.push({ publish, answer });
      return notTaken;
    },
    locate: () => Promise.resolve([]),
  };
  const limits = { eventsMax: 10, bytesMax: 1_000, inflightMax: INFLIGHT_MAX };
  channel = new PublishChannel(socket, ledger, ANYONE, limits, ({ code }) => refused.push(code));
});

function receive(...ids: unknown[]): void {
  for (const id of ids) channel.receive(JSON.stringify({ type: "publish", id, events: [] }));
}

/** Answers the oldest publish that the ledger has taken. */
function acknowledge(frameId?: string): void {
  submitted
    .shift()!
    .answer({ kind: "accepted", counters: zeroCounters(), frameId, single: undefined, results: undefined });
}

function told(): unknown[][] {
  return sent.splice(0).map(({ frame, id, code }) => (code === undefined ? [frame, id] : [frame, id, code]));
}

test("a hello says what the limits are", () => {
  channel.open();
  expect(sent).toEqual([
    { type: "hello", version: 1, max_events: 10, max_bytes: 1_000, max_inflight: INFLIGHT_MAX } as Frame,
  ]);
});

test("a frame goes to the ledger as it came", () => {
  channel.receive('{ "id" : 12345678901234567890 }');
  expect(submitted[0]!.publish).toEqual({
    text: '{ "id" : 12345678901234567890 }',
    form: "frame",
    wantsResults: false,
    grant: ANYONE,
  });
});

test("answers carry the frame's ordinal, and its id or else the ordinal", () => {
  receive("a", undefined);
  acknowledge('"a"');
  acknowledge();
  submitted.push();
  expect(told()).toEqual([
    [1, "a"],
    [2, 2],
  ]);
});

describe("an error", () => {
  const refuseNext = (code: Parameters<typeof problem>[0], frameId?: string): void =>
    submitted.shift()!.answer({ kind: "refused", problem: problem(code, "no"), frameId });

  test("has the frame's id, or its ordinal; none where the frame could not be read", () => {
    receive(1, 2, 3);
    refuseNext("invalid_event", '"x"');
    refuseNext("invalid_frame");
    refuseNext("malformed_json");
    expect(told()).toEqual([
      [1, "x", "invalid_event"],
      [2, 2, "invalid_frame"],
      [3, undefined, "malformed_json"],
    ]);
    expect(refused).toEqual(["invalid_event", "invalid_frame", "malformed_json"]);
  });

  test("does not close the channel", () => {
    receive(1);
    refuseNext("malformed_json");
    receive(2);
    acknowledge();
    expect(told()).toEqual([
      [1, undefined, "malformed_json"],
      [2, 2],
    ]);
    expect(closed).toEqual([]);
  });
});

describe("frames that are not taken", () => {
  test("are answered at once where nothing is before them", () => {
    notTaken = problem("overloaded", "full");
    receive("a");
    channel.receiveBinary();
    expect(told()).toEqual([
      [1, "a", "overloaded"],
      [2, undefined, "unsupported_media_type"],
    ]);
    expect(refused).toEqual(["overloaded", "unsupported_media_type"]);
  });

  test("wait for the answers to those before them", () => {
    receive("a", "b");
    notTaken = problem("overloaded", "full");
    receive("c");
    channel.receiveBinary();
    notTaken = undefined;
    receive("e");
    expect(told()).toEqual([]);
    acknowledge();
    expect(told()).toEqual([[1, 1]]);
    acknowledge();
    expect(told()).toEqual([
      [2, 2],
      [3, "c", "overloaded"],
      [4, undefined, "unsupported_media_type"],
    ]);
    acknowledge();
    expect(told()).toEqual([[5, 5]]);
  });

  test("are each counted once", () => {
    receive("a");
    notTaken = problem("overloaded", "full");
    receive("b");
    acknowledge();
    expect(refused).toEqual(["overloaded"]);
  });
});

test("more frames in flight than allowed are refused each, and taken again once one is answered", () => {
  receive(1, 2, 3, 4, "x", "y");
  expect(submitted).toHaveLength(INFLIGHT_MAX);
  acknowledge();
  receive("z");
  for (let i = 0; i < INFLIGHT_MAX; i++) acknowledge();
  expect(told()).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
    [5, "x", "too_many_in_flight"],
    [6, "y", "too_many_in_flight"],
    [7, 7],
  ]);
});

describe("what a frame was charged", () => {
  const RATE = 100;
  const meter = (): Meter => {
    const rates = { requests: 0, events: RATE };
    const none = { requests: 0, events: 0 };
    const made = new Meter(makeRateLimits({ perToken: rates, perAddress: none }, () => 0)!);
    made.request("token", "checkout");
    return made;
  };
  const spent = (of: Meter): number => RATE - Number(/r=(\d+)/.exec(of.headers().ratelimit!)![1]);
  const publish = (of: Meter): void => channel.receive("[]", of.chargeEvents(10));

  test("is settled with what it held; one that was decoded and refused costs one event", () => {
    const of = meter();
    publish(of);
    publish(of);
    expect(spent(of)).toBe(20);
    const counters = { ...zeroCounters(), received: 7 };
    const accepted = { kind: "accepted", counters, frameId: undefined, single: undefined } as const;
    submitted.shift()!.answer({ ...accepted, results: undefined });
    expect(spent(of)).toBe(17);
    const refusedOne = {
      kind: "refused",
      problem: problem("invalid_event", "no"),
      frameId: undefined,
    } as const;
    submitted.shift()!.answer(refusedOne);
    expect(spent(of)).toBe(8);
  });

  test("is settled as well when the socket has closed meanwhile", () => {
    const of = meter();
    publish(of);
    channel.close();
    acknowledge();
    expect(spent(of)).toBe(1);
  });

  test("is given back whole where the frame is not taken: in flight, overloaded, closed", () => {
    const of = meter();
    notTaken = problem("overloaded", "full");
    publish(of);
    expect(spent(of)).toBe(0);
    notTaken = undefined;
    receive(1, 2, 3, 4);
    publish(of);
    channel.close();
    publish(of);
    expect(spent(of)).toBe(0);
    for (let i = 0; i < INFLIGHT_MAX; i++) acknowledge();
    expect(refused).toEqual(["overloaded", "too_many_in_flight"]);
  });
});

describe("a publisher that does not play along is closed as too slow, once", () => {
  test("when it reads no answers", () => {
    receive(1, 2, 3);
    bufferedBytes = UNREAD_ANSWER_BYTES_MAX;
    acknowledge();
    expect(closed).toEqual([]);
    bufferedBytes++;
    acknowledge();
    acknowledge();
    expect(closed).toEqual([4408]);
    expect(told()).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test("when it floods the channel while nothing can be answered; nothing more is kept of what it sends", () => {
    receive(1, 2, 3, 4);
    for (let i = 0; i < INFLIGHT_MAX * REFUSED_PER_INFLIGHT_MAX; i++) receive("flood");
    expect(closed).toEqual([]);
    receive("flood");
    expect(closed).toEqual([4408]);
    const count = refused.length;
    for (let i = 0; i < 1_000; i++) receive("flood");
    channel.receiveBinary();
    expect(refused).toHaveLength(count);
    expect(closed).toEqual([4408]);
  });
});

test("after the socket has closed nothing is sent, and answers are still taken in", () => {
  receive(1, 2);
  channel.close();
  acknowledge();
  acknowledge();
  receive(3);
  expect(sent).toEqual([]);
  expect(submitted).toEqual([]);
});
