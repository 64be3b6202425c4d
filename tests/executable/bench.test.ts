/** `onefold bench` sends what it says, reads the counts off the node, and fails when they are not exact. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { countersOf } from "../support/contract.ts";
import { TEST_TIMEOUT_MS, withDeadline } from "../support/deadline.ts";
import { FakeNode } from "../support/fake-node.ts";
import { cleanEnvironment, executable, NodeProcess, runToExit } from "../support/node-process.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

interface Report {
  readonly received: number;
  readonly unique_processed: number;
  readonly duplicate_dropped: number;
  readonly conflicts: number;
  readonly seconds: number;
  readonly events_per_second: number;
  readonly latency_ms: { readonly p50: number; readonly p99: number };
  readonly exact: boolean;
  readonly difference?: string;
}

const bench = (...flags: string[]) => runToExit(["bench", "--url", node.url, ...flags]);

/** Runs it where it must succeed. */
async function reportOf(...flags: string[]): Promise<Report> {
  const { exitCode, stdout, stderr } = await bench("--json", ...flags);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout.trimEnd()).not.toContain("\n");
  return JSON.parse(stdout) as Report;
}

describe.each(["http", "ws"])("via %s", (via) => {
  test("5,000 events of which 1,000 are duplicates: received 5000, unique 4000, duplicates 1000, every time", async () => {
    for (let run = 0; run < 3; run++) {
      const before = await node.stats();
      const report = await reportOf("--via", via);
      const after = await node.stats();
      const counts = {
        received: 5_000,
        unique_processed: 4_000,
        duplicate_dropped: 1_000,
        conflicts: 0,
      };
      expect(report).toMatchObject({ ...counts, exact: true });
      expect(after.received - before.received).toBe(5_000);
      expect(after.unique_processed - before.unique_processed).toBe(4_000);
      expect(report.latency_ms.p50).toBePositive();
      expect(report.latency_ms.p99).toBeGreaterThanOrEqual(report.latency_ms.p50);
      expect(report.events_per_second).toBeWithin(1, 10_000_000);
    }
  });

  test.each([
    { events: 1, duplicates: 0, batch: 100, concurrency: 4, topics: 8 },
    { events: 7, duplicates: 6, batch: 3, concurrency: 8, topics: 3 },
    { events: 1_000, duplicates: 999, batch: 1, concurrency: 16, topics: 1 },
    { events: 20_001, duplicates: 13_337, batch: 10_000, concurrency: 2, topics: 100 },
  ])("is exact with %j", async (shape) => {
    const flags = Object.entries(shape).flatMap(([name, value]) => [`--${name}`, String(value)]);
    expect(await reportOf("--via", via, "--topic-prefix", `shape-${via}`, ...flags)).toMatchObject({
      received: shape.events,
      unique_processed: shape.events - shape.duplicates,
      duplicate_dropped: shape.duplicates,
      exact: true,
    });
  });

  test("other traffic at the same time does not disturb it, on other topics or from another run", async () => {
    await node.publish({ topic: "elsewhere", event_id: "before" });
    const reports = await Promise.all(
      ["a", "b", "c"].map((prefix) => reportOf("--via", via, "--topic-prefix", `${via}-${prefix}`)),
    );
    for (const report of reports) expect(report).toMatchObject({ received: 5_000, exact: true });
  });
});

test("every run uses the same topics, so that a thousand runs don't fill the node with topics", async () => {
  await reportOf("--topic-prefix", "again", "--topics", "3");
  const { topic_count: before } = await node.stats();
  await reportOf("--topic-prefix", "again", "--topics", "3");
  expect((await node.stats()).topic_count).toBe(before);
  const counters = await node.stats("?topic=again.2");
  expect(countersOf(counters).received).toBePositive();
});

test("people are told the counts in a table, and no progress bar where there is no terminal", async () => {
  const { exitCode, stdout, stderr } = await bench("--topic-prefix", "table");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toMatch(/^received +5,000$/m);
  expect(stdout).toMatch(/^unique +4,000$/m);
  expect(stdout).toMatch(/^duplicates +1,000$/m);
  expect(stdout).toMatch(/^seconds +\d+\.\d{3}$/m);
  expect(stdout).toMatch(/^events\/s +[\d,]+$/m);
  expect(stdout).toMatch(/^latency p50 +\d+\.\d ms$/m);
  expect(stdout).toMatch(/^latency p99 +\d+\.\d ms$/m);
  expect(stdout).not.toMatch(/[\r█░]/);
});

/** Runs it in a terminal. @returns everything the terminal was sent. */
async function onTerminal(...flags: string[]): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([executable(), "bench", "--url", node.url, ...flags], {
    env: cleanEnvironment(),
    terminal: { data: (_, bytes) => (text += decoder.decode(bytes, { stream: true })) },
  });
  expect(await withDeadline(child.exited, () => `the load test to end:\n${text}`)).toBe(0);
  return text;
}

test("on a terminal a progress bar moves, and is gone when the table comes", async () => {
  const text = await onTerminal("--topic-prefix", "bar", "--events", "50000");
  expect(text).toMatch(/\r█*░+ +\d+ % {2}\d+ events/);
  expect(text).toMatch(/\r\x1b\[2K50000 events, 1000 of them duplicates/);
});

test("on a terminal too, --json prints one line and nothing else", async () => {
  const text = await onTerminal("--topic-prefix", "bar", "--json");
  expect(text.trimEnd()).not.toMatch(/[\n\x1b]/);
  expect(JSON.parse(text)).toMatchObject({ exact: true });
});

describe("counts that are not exact end with 1 and a sentence that says what differs", () => {
  const againstFake = async (fake: FakeNode, ...flags: string[]) => {
    const run = await runToExit([
      "bench",
      "--url",
      fake.url,
      "--events",
      "300",
      "--duplicates",
      "100",
      ...flags,
    ]);
    return { ...run, stderr: run.stderr.trimEnd() };
  };

  test("the acknowledgements count other than what was sent", async () => {
    using fake = new FakeNode({ acknowledge: (truth) => ({ ...truth, unique_processed: 0 }) });
    const { exitCode, stdout, stderr } = await againstFake(fake);
    expect(exitCode).toBe(1);
    expect(stdout).toEndWith("not exact\n");
    expect(stderr).toBe(
      "onefold: The node acknowledged received 300, unique 0, duplicates 100, conflicts 0, " +
        "but what was sent is received 300, unique 200, duplicates 100, conflicts 0.",
    );
  });

  test("the counters moved by other than what was acknowledged", async () => {
    using fake = new FakeNode({ extraReceived: 5 });
    const { exitCode, stderr } = await againstFake(fake);
    expect(exitCode).toBe(1);
    expect(stderr).toStartWith("onefold: The node's counters moved by received 305, unique 200,");
    expect(stderr).toContain("--topic-prefix");
  });

  test("and --json says it as well", async () => {
    using fake = new FakeNode({ extraReceived: 1 });
    const { exitCode, stdout } = await againstFake(fake, "--json");
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ exact: false, difference: expect.stringContaining("301") });
  });

  test("a batch that was refused without being stored is sent again", async () => {
    using fake = new FakeNode({ refusals: [{ status: 503, code: "overloaded" }] });
    expect(await againstFake(fake)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(fake.refused).toBe(1);
  });

  test.each([
    [{ status: 503, code: "outcome_unknown" }, "with 503 outcome_unknown: because"],
    [{ status: 413, code: "batch_too_large" }, "with 413 batch_too_large: because"],
    [{ status: 500, code: "internal_error" }, "with 500 internal_error: because"],
  ])("one that was refused with %j ends it", async (refusal, sentence) => {
    using fake = new FakeNode({ refusals: [refusal] });
    const { exitCode, stderr } = await againstFake(fake);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: `onefold: The node refused a batch ${sentence}.`,
    });
  });

  test("what is no onefold node is told so", async () => {
    using server = Bun.serve({ port: 0, fetch: () => new Response("<html>") });
    using other = Bun.serve({ port: 0, fetch: () => Response.json({}) });
    for (const { url } of [server, other]) {
      const { exitCode, stderr } = await runToExit(["bench", "--url", url.origin]);
      expect(exitCode).toBe(1);
      expect(stderr).toStartWith("onefold: What answers there is no onefold node: ");
    }
  });
});

test("a batch beyond the node's limit is refused in the node's words", async () => {
  for (const via of ["http", "ws"]) {
    const { exitCode, stderr } = await bench("--via", via, "--events", "20000", "--batch", "20000");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^onefold: The node refused a batch with 413 batch_too_large: .+\n$/);
  }
});

test("a node that cannot be reached is told in one sentence", async () => {
  const closed = Bun.serve({ port: 0, fetch: () => new Response() });
  closed.stop(true);
  for (const via of ["http", "ws"]) {
    const { exitCode, stderr } = await runToExit(["bench", "--via", via, "--url", closed.url.origin]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^onefold: No node can be reached at http:\/\/localhost:\d+ \(ECONNREFUSED\): .+\n$/,
    );
  }
});

test.each([
  [
    ["--events", "10", "--duplicates", "10"],
    "--duplicates 10 must be less than --events 10: the first of each is no duplicate.",
  ],
  [["--events", "0"], "Expected --events to be a whole number from 1 to 10000000 (events), got `0`."],
  [["--via", "udp"], "Expected --via to be http or ws, got `udp`."],
  [
    ["--url", "localhost:8080"],
    "Expected --url to be an address like http://127.0.0.1:8080, got `localhost:8080`.",
  ],
  [["--concurency", "4"], "There is no flag --concurency; the nearest is --concurrency."],
  [["--topic-prefix", ""], "--topic-prefix must not be empty."],
])("%j ends with 2 and says what is wrong", async (flags, sentence) => {
  const { exitCode, stdout, stderr } = await runToExit(["bench", ...flags]);
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 2, stdout: "", stderr: `onefold: ${sentence}\n` });
});
