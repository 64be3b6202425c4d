/** A target says what was measured, of what, and whether it is enough; what was not measured is not met. */

import { describe, expect, test } from "bun:test";
import type { FanoutRow, Side } from "../../bench/fanout/fanout-table.ts";
import type { GrowthRow } from "../../bench/growth/growth.ts";
import type { LatencySummary } from "../../bench/load/latencies.ts";
import type { OpenLoopRow } from "../../bench/open-loop/open-loop.ts";
import type { MeasuredRow, PeerRow } from "../../bench/peers/peer-row.ts";
import {
  type Measured,
  NOTHING_MEASURED,
  TARGET_COLUMNS,
  type Target,
  verdictOf,
} from "../../bench/targets/target.ts";
import { TARGETS } from "../../bench/targets/targets.ts";

const LATENCY: LatencySummary = { p50Ms: 1, p99Ms: 4, p999Ms: 20, maxMs: 30 };

/** The cells of a target's row, without its name. */
function cells(name: string, measured: Partial<Measured>): string[] {
  const target = TARGETS.find((candidate) => candidate.name.includes(name))!;
  const row = { target, measured: { ...NOTHING_MEASURED, ...measured } };
  return TARGET_COLUMNS.slice(1).map(([, cell]) => cell(row));
}

test.each([
  [{ min: 0.5 }, 0.5, "met"],
  [{ min: 0.5 }, 0.49, "missed"],
  [{ max: 5 }, 5, "met"],
  [{ max: 5 }, 5.1, "missed"],
  [{ max: 5 }, undefined, "not measured"],
  [{ max: 5 }, Number.NaN, "not measured"],
] as const)("a bound of %j and a figure of %p: %s", (bound, figure, verdict) => {
  const target: Target = { name: "a", unit: "ratio", bound, figure: () => figure };
  expect(verdictOf(target, NOTHING_MEASURED)).toBe(verdict);
});

test("where nothing was measured no target is met or missed, and each is named once", () => {
  for (const target of TARGETS) expect(verdictOf(target, NOTHING_MEASURED)).toBe("not measured");
  expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
  expect(cells("worst commit", {})).toEqual(["", "≤ 25.0 ms", "not measured"]);
});

test("an acknowledgement counts at half of the saturation, and at no other rate", () => {
  const row: OpenLoopRow = {
    ...{ share: 0.5, offeredEventsPerSecond: 150_000, eventsPerSecond: 150_000, refusals: {} },
    ...{ sent: { received: 1, unique: 1, unansweredMax: 0 }, ack: LATENCY, late: LATENCY },
    ...{ drainSeconds: 0, serverCpuSeconds: 1, fromMs: 0, toMs: 1 },
  };
  const rows = { "open-loop": [{ ...row, share: 0.9, ack: { ...LATENCY, p99Ms: 90 } }, row] };
  expect(cells("acknowledgement p99 in", rows)).toEqual(["4.0 ms (150,000 events/s)", "≤ 5.0 ms", "met"]);
  expect(cells("acknowledgement p99.9 in", rows)[2]).toBe("missed");
});

describe("growth", () => {
  const step = (events: number, ofFirst: number): GrowthRow => ({
    ...{ name: "a", residentBytes: 1, residentBytesPerEvent: 40, databaseBytes: 1 },
    step: {
      ...{ events, ofFirst, seconds: 1, ack: LATENCY, eventsPerSecond: 1, serverCpuMicrosecondsPerEvent: 1 },
      ...{ worstGapMs: events === 2e6 ? 26 : 12, logBytesMax: 70e6 },
    },
  });
  const restart = (healthyAfterMs: number): GrowthRow => ({
    ...{ name: "a", residentBytes: 1, residentBytesPerEvent: 90, databaseBytes: 1 },
    restart: { endedAfterMs: 1, healthyAfterMs },
  });
  const growth = [step(1e6, 1), step(2e6, 0.95), step(3e6, 0.85), restart(400), restart(900)];

  test("says how far it went, and takes the worst commit and the slowest restart", () => {
    expect(cells("worst commit", { growth })).toEqual(["26.0 ms (3,000,000 events)", "≤ 25.0 ms", "missed"]);
    expect(cells("restart", { growth })).toEqual(["0.9 s (3,000,000 events)", "≤ 3.0 s", "met, with less"]);
    expect(cells("memory an event", { growth })[0]).toBe("40.0 bytes (3,000,000 events)");
    expect(cells("write-ahead log", { growth })).toEqual(["70 MB (3,000,000 events)", "≤ 268 MB", "met"]);
  });

  test("takes the 20th million, or the last that there is and says which", () => {
    const name = "20th million";
    expect(cells(name, { growth })).toEqual(["0.85 (events 2,000,001 to 3,000,000)", "≥ 0.90", "missed"]);
    const longer = [step(1e6, 1), step(20e6, 0.92), step(21e6, 0.5)];
    expect(cells(name, { growth: longer })).toEqual([
      "0.92 (events 19,000,001 to 20,000,000)",
      "≥ 0.90",
      "met",
    ]);
    expect(cells(name, { growth: [step(1e6, 1)] })[2]).toBe("not measured");
  });
});

test("a fan-out counts with 10,000 subscribers, less what the ingest takes without them", () => {
  const side: Side = {
    ...{ latency: LATENCY, spread: LATENCY, ticksPerSecond: 10, subscriberCpuShare: 1 },
    ...{ residentBytesPerConnection: 9_000, serverCpuShare: 1 },
  };
  const row: FanoutRow = {
    ...{ subscribers: 10_000, eventsPerSecond: 50_000, ack: LATENCY, late: LATENCY },
    ...{ onefold: { ...side, serverCpuShare: 1.5 }, bare: { ...side, serverCpuShare: 0.5 } },
    quiet: { ack: LATENCY, serverCpuShare: 0.8 },
  };
  expect(cells("server CPU of the fan-out", { fanout: [row] })).toEqual(["1.40", "≤ 1.30", "missed"]);
  expect(cells("delivery p99", { fanout: [row] })[0]).toBe("1.00");
  expect(cells("memory a connection", { fanout: [row] })[0]).toBe("9.0 kB");
  expect(cells("delivery p99", { fanout: [{ ...row, subscribers: 1_000 }] })[2]).toBe("not measured");
  // A node that took less meanwhile had less to do.
  expect(cells("delivery p99", { fanout: [{ ...row, eventsPerSecond: 40_000 }] })[2]).toBe("not measured");
});

describe("peers", () => {
  const onefold: MeasuredRow = {
    ...{ kind: "measured", name: "onefold, WebSocket", version: "1", request: "frame", isPipelined: true },
    ...{ setting: "as shipped", durability: "synced", powerCut: "", duplicates: "", accuracy: "exact" },
    ...{ eventsPerRequest: 100, connections: 4, requestsInFlight: 8, ids: "random" },
    ...{ eventsPerSecond: 1_000, serverCpuMicrosecondsPerEvent: 10, loadCpuMicrosecondsPerEvent: 1 },
    ...{ ack: LATENCY, alone: LATENCY, serverResidentBytes: 1, diskBytesPerStoredEvent: 1 },
  };
  const slow: MeasuredRow = { ...onefold, name: "Slow", eventsPerSecond: 100 };
  const near: MeasuredRow = { ...onefold, name: "Near", eventsPerSecond: 800, request: "call" };
  const missing: PeerRow = {
    ...{ kind: "left out", name: "Missing", setting: "s", durability: "synced", reason: "not installed" },
  };

  test("the one that comes nearest decides, and those that are not there are named", () => {
    expect(cells("events/s ÷ each peer's", { peers: [onefold, slow, near, missing] })).toEqual([
      "1.25 (beside Near, as shipped, 100 a call; not there: Missing)",
      "≥ 1.00",
      "met",
    ]);
  });

  test("one that is faster is a target missed, unless its answer means less", () => {
    const fast: MeasuredRow = { ...near, name: "Fast", serverCpuMicrosecondsPerEvent: 8 };
    const name = "server CPU an event";
    expect(cells(name, { peers: [onefold, slow, fast] })[2]).toBe("missed");
    const unsynced = { ...fast, durability: "not synced" } as const;
    expect(cells(name, { peers: [onefold, slow, unsynced] })[2]).toBe("met");
  });
});
