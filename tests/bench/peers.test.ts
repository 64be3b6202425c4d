/** What the peers bench reckons: who counted right, who is better, what a process tree used, whose ids are random. */

import { describe, expect, test } from "bun:test";
import { Deliveries } from "../../bench/peers/fan-out/deliveries.ts";
import { scatter } from "../../bench/peers/load/event-ids.ts";
import { accuracyOf, type MeasuredRow, medianRow, type PeerRow } from "../../bench/peers/peer-row.ts";
import { cpuSecondsIn, treeOf } from "../../bench/peers/process-tree.ts";
import { remarksOn } from "../../bench/peers/remarks.ts";
import { parseStat } from "../../bench/process-usage.ts";

describe("accuracy", () => {
  const sent = { received: 100, unique: 80 };
  test.each([
    [{ received: 100, unique: 80 }, "exact"],
    [{ unique: 80 }, "exact; received is not counted"],
    [{ received: 100, unique: 81 }, "unique wrong by +1"],
    [{ received: 99, unique: 79 }, "unique wrong by −1, received wrong by −1"],
    [{ unique: 0 }, "unique wrong by −80"],
  ])("%j of 100 with 80 unique is: %s", (counted, accuracy) => {
    expect(accuracyOf(sent, counted)).toBe(accuracy);
  });
});

describe("remarks", () => {
  const latency = { p50Ms: 5, p99Ms: 9, p999Ms: 10, maxMs: 10 };
  const onefold: MeasuredRow = {
    kind: "measured",
    name: "onefold, WebSocket",
    version: "1",
    request: "frame",
    isPipelined: true,
    setting: "as shipped",
    durability: "synced",
    powerCut: "",
    duplicates: "",
    eventsPerRequest: 100,
    connections: 4,
    requestsInFlight: 8,
    ids: "random",
    eventsPerSecond: 1_000,
    serverCpuMicrosecondsPerEvent: 10,
    loadCpuMicrosecondsPerEvent: 1,
    ack: latency,
    alone: latency,
    serverResidentBytes: 1e8,
    diskBytesPerStoredEvent: 300,
    accuracy: "exact",
  };
  const peer: MeasuredRow = { ...onefold, name: "Peer", request: "call" };
  const remarks = (...rows: readonly PeerRow[]): string => remarksOn([onefold, ...rows]).join("\n");

  test("a peer that is better is named with both figures, in that figure alone", () => {
    const text = remarks({ ...peer, eventsPerSecond: 1_100, serverResidentBytes: 2e8 });
    expect(text).toContain(
      "In events/s, better than onefold among the peers whose answer means synced: Peer, as shipped, 100 a call (1,100, onefold 1,000).",
    );
    expect(text).toContain("In resident memory, none of the peers whose answer means synced is better");
    expect(text.match(/better than onefold among/g)).toHaveLength(1);
  });

  test("a lead that is within the noise is none", () => {
    const text = remarks({ ...peer, eventsPerSecond: 1_040, serverCpuMicrosecondsPerEvent: 9.6 });
    expect(text).not.toContain("better than onefold among");
  });

  test("one that answers before the sync is not among those that answer after it", () => {
    const text = remarks({ ...peer, durability: "not synced", serverCpuMicrosecondsPerEvent: 9 });
    expect(text).toContain(
      "whose answer means not synced: Peer, as shipped, 100 a call (9.0 µs, onefold 10.0 µs)",
    );
    expect(text).not.toContain("means synced");
  });

  test("batches are not compared with single events, nor random ids with ascending ones", () => {
    expect(remarks({ ...peer, eventsPerRequest: 1, eventsPerSecond: 9e9 })).toBe("");
    expect(remarks({ ...peer, ids: "ascending", eventsPerSecond: 9e9 })).toBe("");
  });

  test("a row of several rounds has their medians, and tells of the one that counted wrong", () => {
    const rounds = [10, 30, 20].map((eventsPerSecond) => ({ ...peer, eventsPerSecond }));
    expect(medianRow(rounds)).toEqual({ ...peer, eventsPerSecond: 20 });
    const wrong = { ...peer, accuracy: "unique wrong by +1" };
    expect(medianRow([peer, wrong, peer]).accuracy).toBe("unique wrong by +1");
  });

  test("who is left out, and who counted wrong, is said", () => {
    const text = remarks(
      { kind: "left out", name: "X", setting: "s", durability: "synced", reason: "x is not installed" },
      { ...peer, accuracy: "unique wrong by +1" },
    );
    expect(text).toContain("X, s: left out, x is not installed.");
    expect(text).toContain("unique wrong by +1.");
  });
});

describe("a process tree", () => {
  test("user, system and reaped children's time are added up, whatever the command is called", () => {
    const stat = "1 (a) S 9 (b) S 7 0 0 0 0 0 0 0 0 0 100 50 20 5 20 0 1 0 0";
    expect(parseStat(stat)).toMatchObject({ id: 1, parent: 7 });
    expect(cpuSecondsIn([parseStat(stat), parseStat(stat)])).toBe(3.5);
  });

  test("it is the process, its children and theirs, and nobody else", () => {
    const all = [
      [1, 0],
      [10, 1],
      [11, 10],
      [12, 11],
      [20, 1],
    ].map(([pid, parent]) => ({
      ...{ id: pid!, name: "", parent: parent!, cpuSeconds: 0, endedChildrenCpuSeconds: 0 },
    }));
    expect(treeOf(10, all).map(({ id }) => id)).toEqual([10, 11, 12]);
  });
});

test("scattered numbers are all different, below 10^12, and in no order", () => {
  const count = 200_000;
  const scattered = Array.from({ length: count }, (_, i) => scatter(i));
  expect(new Set(scattered).size).toBe(count);
  expect(Math.max(...scattered.slice(0, 1_000))).toBeLessThan(1e12);
  const rising = scattered.filter((value, i) => i > 0 && value > scattered[i - 1]!).length;
  expect(rising / count).toBeWithin(0.49, 0.51);
  const lowHalf = scattered.filter((value) => value < 5e11).length;
  expect(lowHalf / count).toBeWithin(0.49, 0.51);
});

test("deliveries count from their publication and from the first of their kind; the warm-up does not", () => {
  const deliveries = new Deliveries();
  const warmUp = deliveries.published(0, false);
  deliveries.delivered(warmUp, 1);
  const measured = deliveries.published(100, true);
  deliveries.delivered(measured, 103);
  deliveries.delivered(measured, 110);
  expect(deliveries.count).toBe(2);
  expect([deliveries.sincePublishing.p50Ms, deliveries.sincePublishing.maxMs]).toEqual([3, 10]);
  expect([deliveries.sinceFirst.p50Ms, deliveries.sinceFirst.maxMs]).toEqual([0, 7]);
  expect(() => deliveries.delivered(2, 111)).toThrow("never published");
});
