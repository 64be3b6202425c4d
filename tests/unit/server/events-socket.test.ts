/** A reader on /ws/events over a feed that a test moves: where it begins, and what is too far ahead. */

import { beforeEach, expect, test } from "bun:test";
import { Cursors } from "../../../src/server/cursors.ts";
import { EventsSocket } from "../../../src/server/events-socket.ts";
import { RefusalCounts } from "../../../src/server/refusals.ts";
import type { Services } from "../../../src/server/services.ts";
import type { RawSocket } from "../../../src/server/sockets.ts";
import { FakeFeed } from "./fake-feed.ts";

const NEWEST = 10;

let feed: FakeFeed;
let cursors: Cursors;
let asked: PromiseWithResolvers<number[]>;
let frames: string[];
let closed: number | undefined;

beforeEach(() => {
  feed = new FakeFeed();
  feed.newest = NEWEST;
  cursors = new Cursors();
  cursors.opened("one");
  asked = Promise.withResolvers();
  frames = [];
  closed = undefined;
});

function open(query: string, topics = ["*"]): EventsSocket {
  const socket = {
    send: (text: string) => void frames.push(text),
    close: (code: number) => void (closed = code),
    getBufferedAmount: () => 0,
  } as unknown as RawSocket;
  const services = {
    feed,
    cursors,
    ledger: { locate: () => asked.promise },
    refusals: new RefusalCounts(),
    limits: { patternsMax: 10 },
  } as unknown as Services;
  return new EventsSocket(services, socket, { subject: "s", topics }, `http://node/ws/events${query}`);
}

test("a position that is stored is told from at once", () => {
  open(`?after=${NEWEST}&topics=a`);
  expect(feed.subscription).toEqual({ patterns: ["a"], after: NEWEST });
});

test.each(["number", "cursor"])(
  "a %s whose commit is not known yet is told from once it is",
  async (kind) => {
    open(`?after=${kind === "number" ? NEWEST + 2 : cursors.ofEvent(NEWEST + 2)}`);
    expect(feed.subscription).toBeUndefined();
    feed.newest = NEWEST + 2;
    asked.resolve([]);
    await asked.promise;
    await Promise.resolve();
    expect([feed.subscription?.after, closed]).toEqual([NEWEST + 2, undefined]);
  },
);

test("one beyond everything that is stored is final", async () => {
  open(`?after=${NEWEST + 1}`);
  asked.resolve([]);
  await asked.promise;
  await Promise.resolve();
  expect(feed.subscription).toBeUndefined();
  expect(frames[0]).toContain('"code":"invalid_parameter"');
  expect(closed).toBe(4400);
});

test("who has gone meanwhile is not subscribed", async () => {
  const socket = open(`?after=${NEWEST + 2}`);
  socket.closed();
  feed.newest = NEWEST + 2;
  asked.resolve([]);
  await asked.promise;
  await Promise.resolve();
  expect([feed.subscription, closed]).toEqual([undefined, undefined]);
});
