/** `onefold export` writes what GET /events gives, of a running node as well, and what another node can take. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { TEST_TIMEOUT_MS } from "../../support/deadline.ts";
import { postLines } from "../../support/line-request.ts";
import { cleanEnvironment, executable, NodeProcess, runToExit } from "../../support/node-process.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { eventsOf, refusalOf, resultOf } from "./tool.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

let folder: TempFolder;
let node: NodeProcess;
const PLAIN = 12_000;
const CLOUD_EVENTS = `[
  {"specversion":"1.0","type":"orders","source":"/shop","id":"1","time":"2026-01-31T12:00:00Z","n":7,"data":[1.50]},
  {"specversion":"1.0","type":"orders","source":"/shop","id":"2","data_base64":"aGk="}
]`;
const EVENTS = PLAIN + 3;

beforeAll(async () => {
  folder = new TempFolder();
  node = await NodeProcess.start({ data: folder.path });
  await node.publish(`[
    {"topic":"тема","event_id":"ид 世\\u2028\\"","timestamp":"2024-12-31","source":"a\\\\b","payload":12345678901234567890},
    {"topic":"orders","event_id":"1","payload":{"a":1e400,"b":-0,"c":1.10,"__proto__":{}}},
    {"event_id":"null"}
  ]`);
  for (let i = 0; i < 2; i++) await node.publish(eventsOf(PLAIN / 2, `batch-${i}`));
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const exported = async (...args: string[]): Promise<string[]> => {
  const { exitCode, stdout, stderr } = await runToExit(["export", "--data", folder.path, ...args]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.split("\n").slice(0, -1);
};

/** All events as GET /events gives them, as text. */
async function eventsOn(from: NodeProcess, query = ""): Promise<string[]> {
  const lines: string[] = [];
  for (let after: string | null = "0"; after !== null; ) {
    const text = await from.getText(`/events?limit=5000&after=${after}${query}`);
    const [, events] = /^\{"events":\[(.*)\],"count"/s.exec(text)!;
    lines.push(...events!.split(/(?<=\}),(?=\{"seq")/).filter((line) => line !== ""));
    after = (JSON.parse(text) as { next: string | null }).next;
  }
  return lines;
}

test("every line is the event as GET /events gives it, to the letter", async () => {
  const lines = await exported();
  expect(lines).toHaveLength(EVENTS);
  expect(lines).toEqual(await eventsOn(node));
  expect(lines[0]).toContain('"payload":12345678901234567890');
});

test("one topic alone, and what comes behind a number", async () => {
  expect(await exported("--topic", "orders")).toEqual(await eventsOn(node, "&topic=orders"));
  expect(await exported("--topic", "topic-1")).toEqual(await eventsOn(node, "&topic=topic-1"));
  expect(
    (await exported("--after", "11000")).map((line) => (JSON.parse(line) as { seq: number }).seq),
  ).toEqual(Array.from({ length: EVENTS - 11_000 }, (_, i) => 11_001 + i));
  expect(await exported("--topic", "nothing")).toEqual([]);
});

test("published to an empty node it gives the same events", async () => {
  const lines = await exported("--form", "publish");
  await using other = await NodeProcess.start();
  expect((await postLines(other, `${lines.join("\n")}\n`)).status).toBe(200);
  const withoutReceipt = (line: string): string => line.replace(/,"received_at":"[^"]+"\}$/, "}");
  expect((await eventsOn(other)).map(withoutReceipt)).toEqual((await eventsOn(node)).map(withoutReceipt));
  expect(await other.stats()).toMatchObject({ unique_processed: EVENTS, duplicate_dropped: 0 });
});

test("CloudEvents among other events are published as lines again, and are the same", async () => {
  const asCloudEvents = async (from: NodeProcess): Promise<unknown> =>
    (await fetch(`${from.url}/events`, { headers: { accept: "application/cloudevents-batch+json" } })).json();
  using data = new TempFolder();
  await using first = await NodeProcess.start({ data: data.path });
  await first.publish('{"topic":"orders","event_id":"1","timestamp":"2026-01-31T12:00:00Z"}');
  await first.post(CLOUD_EVENTS, { headers: { "content-type": "application/cloudevents-batch+json" } });
  const { stdout } = await runToExit(["export", "--data", data.path, "--form", "publish"]);
  await using second = await NodeProcess.start();
  expect(await (await postLines(second, stdout)).json()).toMatchObject({ unique_processed: 3 });
  const [, timed] = (await asCloudEvents(second)) as unknown[];
  expect(timed).toMatchObject({ source: "/shop", n: 7, data: [1.5] });
  const withoutTime = (events: unknown): unknown =>
    (events as { id: string; time?: string }[]).map(({ time, ...event }) =>
      time?.startsWith("2026-01-31") ? { ...event, time } : event,
    );
  expect(withoutTime(await asCloudEvents(second))).toEqual(withoutTime(await asCloudEvents(first)));
});

test("to a file it says how many there are, and overwrites none", async () => {
  using target = new TempFolder();
  const file = target.file("events.ndjson");
  const result = await resultOf<{ file: string; events: number; gap: null; seconds: number }>(
    "export",
    file,
    "--data",
    folder.path,
  );
  expect(result).toEqual({ file, events: EVENTS, gap: null, seconds: expect.any(Number) });
  expect(readFileSync(file, "utf8").trimEnd().split("\n")).toEqual(await exported());
  expect(await refusalOf(1, "export", file, "--data", folder.path)).toBe(
    `${file} is there already, and is not overwritten.`,
  );
  expect(readdirSync(target.path)).toEqual(["events.ndjson"]);
});

test("a reader that has seen enough ends it quietly", async () => {
  const command = `set -o pipefail; "$0" export --data "$1" | head -n 1`;
  const child = Bun.spawn(["bash", "-c", command, executable(), folder.path], {
    env: cleanEnvironment(),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toStartWith('{"seq":1,"topic":"тема",');
});

test("what it cannot do it says with its status", async () => {
  expect(await refusalOf(2, "export", "--topic", "orders.*")).toBe(
    "Expected --topic to be one topic, got `orders.*`.",
  );
  expect(await refusalOf(2, "export", "--after", "-1")).toStartWith(
    "Expected --after to be a whole number from 0 ",
  );
  expect(await refusalOf(1, "export", "--data", "/nowhere")).toBe("There is no file /nowhere.");
});
