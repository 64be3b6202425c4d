/** The benches measure: for a moment each, on a real node and a real file. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { CASES } from "../../bench/ingest/cases.ts";
import { type IngestRow, ingest, measureCase, ofBare } from "../../bench/ingest/ingest.ts";
import { measureAppends } from "../../bench/limit/appends.ts";
import { sum } from "../../bench/statistics.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

test("raw appends: rows in synced commits, with what they cost", async () => {
  const options = { rowsPerCommit: 200, checkpoints: "in commits", warmUpSeconds: 0, seconds: 0.1 } as const;
  const { rows, seconds, cpuSeconds, commit, residentBytes } = await measureAppends(options);
  expect(rows % 200).toBe(0);
  expect(rows).toBePositive();
  expect(seconds).toBeWithin(0.1, 0.1 + commit.maxMs / 1_000);
  expect(cpuSeconds).toBeGreaterThan(0);
  expect(commit.p50Ms).toBeGreaterThan(0);
  expect(commit.maxMs).toBeGreaterThanOrEqual(commit.p99Ms);
  expect(residentBytes).toBePositive();
});

test("ingest: a case is counted exactly, beside a bare server, its threads by name", async () => {
  const ingestCase = CASES.find(({ duplicates }) => duplicates === "100 % recent")!;
  const rounds = await measureCase(ingestCase, { seconds: 0.6, warmUpSeconds: 0.1 });
  const row: IngestRow = { ...ingestCase, rounds };
  expect(rounds).toHaveLength(3);
  for (const { onefold, bare } of rounds) {
    expect(onefold.eventsPerSecond).toBePositive();
    expect(bare.eventsPerSecond).toBePositive();
    expect(onefold.threadCpuMicrosecondsPerEvent).toHaveProperty("main");
  }
  // The kernel counts in steps of 10 ms: only over all rounds is there surely one.
  expect(sum(rounds.map(({ onefold }) => onefold.threadCpuMicrosecondsPerEvent.ledger!))).toBeGreaterThan(0);
  expect(ofBare(row)).toBeGreaterThan(0);
  for (const [, cell] of ingest.columns) expect(cell(row)).not.toMatch(/NaN|undefined|^$/);
});
