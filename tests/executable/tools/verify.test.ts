/** `onefold verify` finds every kind of damage, and none where there is none. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { TEST_TIMEOUT_MS, withDeadline } from "../../support/deadline.ts";
import { cleanEnvironment, executable, NodeProcess, runToExit } from "../../support/node-process.ts";
import { TempFolder } from "../../support/temp-folder.ts";
import { eventsOf, expectRight, refusalOf, verdictOn } from "./tool.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** One whole segment of topic lists (65,536) and some more. */
const EVENTS = 66_000;
const BATCH = 6_000;

let folder: TempFolder;
beforeAll(async () => {
  folder = new TempFolder();
  await using node = await NodeProcess.start({ data: folder.path });
  for (let i = 0; i < EVENTS / BATCH; i++) await node.publish(eventsOf(BATCH, `batch-${i}`));
  await node.publish([
    ...eventsOf(10, "batch-0"),
    { topic: "topic-0", event_id: "batch-0-0", payload: "another" },
  ]);
  await node.publish(eventsOf(1, "last"));
  for (const key of ["a", "b", "c"]) await node.post([], { headers: { "idempotency-key": key } });
  await node.stop();
});
afterAll(() => folder[Symbol.dispose]());

/** A copy of the healthy file. */
function copied(into: TempFolder): string {
  copyFileSync(folder.file("onefold.db"), into.file("onefold.db"));
  return into.file("onefold.db");
}

test("a healthy file is right, by its name, by its folder, and as the default", async () => {
  const verdict = await expectRight(folder.path);
  expect(verdict).toMatchObject({
    ...{ events: EVENTS + 1, newest_seq: EVENTS + 1, pruned: 0, remembered_ids: EVENTS + 1, outlived_ids: 0 },
    ...{ received: EVENTS + 12, unique_processed: EVENTS + 1, duplicate_dropped: 11, conflicts: 1 },
  });
  const proved = verdict.proofs.map(({ check }) => check);
  const checks = [
    "pages",
    "file",
    "counters",
    "events",
    "ids",
    "keys",
    "lists",
    "conflicts",
    "answers",
    "checksums",
  ];
  expect(proved).toEqual(checks);
  const { exitCode, stdout } = await runToExit(["verify"], { env: { ONEFOLD_DATA: folder.path } });
  expect(exitCode).toBe(0);
  expect(stdout).toStartWith(`${folder.file("onefold.db")} is right\nproved in `);
  for (const check of checks) expect(stdout).toMatch(new RegExp(`^  ${check} +\\S`, "m"));
});

test("on a terminal a bar moves, and is gone when the list comes", async () => {
  let text = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([executable(), "verify", folder.path], {
    env: cleanEnvironment(),
    terminal: { data: (_, bytes) => (text += decoder.decode(bytes, { stream: true })) },
  });
  expect(await withDeadline(child.exited, () => `verify to end:\n${text}`)).toBe(0);
  expect(text).toMatch(/\r[█░]{30} +\d+ % {2}\d+ pages/);
  expect(text).toMatch(/\r[█░]{30} +\d+ % {2}\d+ events/);
  expect(text).toContain(`\r\x1b[2K${folder.file("onefold.db")} is right`);
});

const SET_COUNTERS = "UPDATE counters SET";

/** What is done to a file, and the checks that must notice; others may notice as well. */
const DAMAGES: Record<string, { readonly sql: string; readonly checks: readonly string[] }> = {
  "an event is gone": {
    sql: "DELETE FROM events WHERE seq = 1000",
    checks: ["counters", "events", "ids"],
  },
  "the newest event is gone": {
    sql: "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)",
    checks: ["counters", "events", "ids"],
  },
  "a counter is one too high": {
    sql: `${SET_COUNTERS} received = received + 1 WHERE topic_id = 2`,
    checks: ["counters", "checksums"],
  },
  "two counters are wrong together, and the checksum with them": {
    sql: `${SET_COUNTERS} received = received + 1, unique_processed = unique_processed + 1, checksum = checksum + 37 + 41`,
    checks: ["counters", "ids", "events"],
  },
  "there are more conflicts than duplicates": {
    sql: `${SET_COUNTERS} conflicts = duplicate_dropped + 1 WHERE topic_id = 1`,
    checks: ["counters"],
  },
  "the size of a topic is wrong": {
    sql: `${SET_COUNTERS} stored_bytes = stored_bytes - 1, checksum = checksum - 71 WHERE topic_id = 1`,
    checks: ["counters"],
  },
  "a topic says that more is pruned than is": {
    sql: `${SET_COUNTERS} pruned_through = 50 WHERE topic_id = 1`,
    checks: ["events", "counters", "file"],
  },
  "a key is there twice": {
    sql: `UPDATE events SET (topic_id, event_id) = (SELECT topic_id, event_id FROM events WHERE seq = 7), checksum = NULL
          WHERE seq = 40000`,
    checks: ["keys", "ids"],
  },
  "a row of fingerprints is gone": {
    sql: "DELETE FROM fingerprints WHERE first_seq = (SELECT first_seq FROM fingerprints LIMIT 1 OFFSET 2)",
    checks: ["ids"],
  },
  "a fingerprint is another one": {
    sql: `UPDATE fingerprints SET checksum = NULL, words = CAST(x'00' || substr(words, 2) AS BLOB)
          WHERE first_seq = 1 AND substr(words, 1, 1) <> x'00' OR first_seq = 6001`,
    checks: ["ids"],
  },
  "a list names an event of another topic": {
    sql: `UPDATE topic_segments SET topic_id = 100 + topic_id;
          UPDATE topic_segments SET topic_id = CASE topic_id WHEN 101 THEN 2 WHEN 102 THEN 1 ELSE 3 END, checksum = NULL`,
    checks: ["lists"],
  },
  "a list is gone": { sql: "DELETE FROM topic_segments WHERE topic_id = 3", checks: ["lists"] },
  "a payload is no JSON": {
    sql: "UPDATE events SET payload = substr(payload, 2), checksum = NULL WHERE seq = 9",
    checks: ["events", "counters"],
  },
  "an event was received before the one in front of it": {
    sql: "UPDATE events SET received_at = received_at - 100000, checksum = NULL WHERE seq = 30000",
    checks: ["events"],
  },
  "a conflict is of no topic": {
    sql: "UPDATE conflicts SET topic_id = 77, checksum = NULL",
    checks: ["conflicts"],
  },
  "an answer that is kept is no answer": {
    sql: "UPDATE request_keys SET answer = substr(answer, 2) WHERE id = 2",
    checks: ["answers", "checksums"],
  },
  "an answer is kept for another request": {
    sql: "UPDATE request_keys SET fingerprint = lower(fingerprint) WHERE id = 2",
    checks: ["checksums"],
  },
  "a key of a request is cut off": {
    sql: "UPDATE request_keys SET digest = substr(digest, 2) WHERE id = 1",
    checks: ["answers"],
  },
  "a topic has lost its counters": { sql: "DELETE FROM counters WHERE topic_id = 2", checks: ["counters"] },
  "the fingerprint key is another one": {
    sql: "UPDATE meta SET value = randomblob(16) WHERE key = 'fingerprint_key'",
    checks: ["ids", "checksums"],
  },
  "a fact is missing": { sql: "DELETE FROM meta WHERE key = 'fingerprint_key'", checks: ["file"] },
};

test.each(Object.entries(DAMAGES))("it finds that %s", async (_, { sql, checks }) => {
  using own = new TempFolder();
  const file = copied(own);
  const db = new Database(file);
  for (const statement of sql.split(";")) db.run(statement);
  db.close();
  const verdict = await verdictOn(file);
  const found = new Set(verdict.differences.map(({ check }) => check));
  for (const check of checks)
    expect({ check, found: [...found] }).toMatchObject({ found: expect.arrayContaining([check]) });
  for (const { check } of verdict.proofs) expect(found).not.toContain(check);
});

/** Where a text begins in the file. */
function placeOf(file: string, text: string): { bytes: Buffer; at: number } {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(text);
  expect(at).toBePositive();
  return { bytes, at };
}

test("one flipped bit in a payload is found by its checksum alone", async () => {
  using own = new TempFolder();
  const file = copied(own);
  const bytes = readFileSync(file);
  // Also where the page has held it before rows were moved: those places belong to nothing.
  const text = 'payload of batch-3-77"';
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text)) bytes[at]! ^= 1;
  writeFileSync(file, bytes);
  const { differences } = await verdictOn(file);
  expect(differences).toEqual([
    { check: "checksums", detail: expect.stringMatching(/^Event \d+ is not as/) },
  ]);
});

test("a page that is lost costs its own rows, and everything else is looked at still", async () => {
  using own = new TempFolder();
  const file = copied(own);
  const { bytes, at } = placeOf(file, "payload of batch-3-77");
  bytes.fill(0xff, at - (at % 4_096), at - (at % 4_096) + 4_096);
  writeFileSync(file, bytes);
  const { differences, events } = await verdictOn(file);
  const text = differences.map(({ check, detail }) => `${check}: ${detail}`).join("\n");
  expect(text).toMatch(/^pages: SQLite (?:says|cannot check)/m);
  expect(text).toMatch(/^events: Events from \d+ to \d+ cannot be read\.$/m);
  expect(events).toBeWithin(EVENTS - 2_000, EVENTS);
});

test.each([
  ["in the middle", (size: number) => size >> 1],
  ["by one page", (size: number) => size - 4_096],
  ["to a part of its first page", () => 50],
  ["to nothing", () => 0],
])("a file that is cut off %s is told so in a sentence", async (_, sizeOf) => {
  using own = new TempFolder();
  const file = copied(own);
  truncateSync(file, sizeOf(readFileSync(file).length));
  const { differences } = await verdictOn(file);
  expect(differences).toHaveLength(1);
  expect(differences[0]!.detail).toMatch(/^It (?:is cut off|does not begin as a database|is )/);
});

test("another program's database, a text and a missing file are no files of onefold's", async () => {
  using own = new TempFolder();
  const foreign = new Database(own.file("foreign.db"), { create: true });
  foreign.run("CREATE TABLE notes (text)");
  foreign.close();
  writeFileSync(own.file("text.db"), "not a database at all\n".repeat(100));
  for (const name of ["foreign.db", "text.db"]) {
    const { difference_count } = await verdictOn(own.file(name));
    expect(difference_count).toBe(1);
  }
  expect(await refusalOf(1, "verify", own.file("missing.db"))).toContain("There is no file");
  expect(await refusalOf(1, "verify", own.path)).toContain("There is no onefold.db in");
  expect(await refusalOf(2, "verify", "a", "b")).toBe("Expected one FILE or URL, got `a` and `b`.");
  expect(await refusalOf(2, "verify", "--jsn")).toBe("There is no flag --jsn; the nearest is --json.");
});

describe("a running node with retention", () => {
  let node: NodeProcess;
  let data: TempFolder;
  beforeAll(async () => {
    data = new TempFolder();
    node = await NodeProcess.start({
      data: data.path,
      flags: ["--retain-events", "100", "--dedup-window", "1h"],
    });
    for (let i = 0; i < 10; i++) await node.publish(eventsOf(500, `run-${i}`));
    await node.publish(eventsOf(500, "run-0"));
    while ((await node.page("?limit=1000")).count > 100);
  });
  afterAll(async () => {
    await node[Symbol.asyncDispose]();
    data[Symbol.dispose]();
  });

  const PRUNED = { received: 5_500, unique_processed: 5_000, duplicate_dropped: 500 };

  test("its file is right while it runs, and its ids have outlived their events", async () => {
    expect(await expectRight(data.path)).toMatchObject({
      ...PRUNED,
      ...{ events: 100, pruned: 4_900, newest_seq: 5_000, remembered_ids: 5_000, outlived_ids: 4_900 },
    });
  });

  test("its answers are right, and say that retention has been there", async () => {
    expect(await expectRight(node.url)).toMatchObject({
      ...PRUNED,
      ...{ events: 100, moved_topics: 0, gap: { from: 1, to: 4_900 } },
    });
  });

  test("an id is missed that has outlived its event", async () => {
    await node.stop();
    const db = new Database(data.file("onefold.db"));
    db.run("UPDATE fingerprints SET outlived = outlived - 1 WHERE first_seq = 1");
    db.close();
    const { differences } = await verdictOn(data.path);
    expect(differences.map(({ check }) => check).sort()).toEqual(["checksums", "ids"]);
  });
});

describe("a node over its API", () => {
  test("is right, without retention too, and while others publish", async () => {
    await using node = await NodeProcess.start();
    await node.publish(eventsOf(3_000, "first"));
    expect(await expectRight(`${node.url}/`)).toMatchObject({ events: 3_000, moved_topics: 0, gap: null });
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    let isStopped = false;
    void stopped.then(() => (isStopped = true));
    const publishing = (async () => {
      for (let i = 0; !isStopped; i++) await node.publish(eventsOf(200, `more-${i}`));
    })();
    const verdict = await expectRight(node.url);
    stop();
    await publishing;
    expect(verdict.moved_topics).toBe(3);
    expect(verdict.events).toBeGreaterThan(3_000);
  });

  const COUNTERS = { received: 3, unique_processed: 2, duplicate_dropped: 1, conflicts: 0 };
  const EVENT = { topic: "a", event_id: "1", seq: 1 };
  const OTHER = { topic: "a", event_id: "2", seq: 2 };

  test.each([
    ["a key is there twice", COUNTERS, [EVENT, { ...EVENT, seq: 2 }], "Events 1 and 2 have the same key."],
    ["events are not in order", COUNTERS, [OTHER, EVENT], "Event 1 comes after event 2."],
    ["an event is missing", COUNTERS, [EVENT], "Topic a: there are 1 events, but 2 were counted before."],
    [
      "counters contradict each other",
      { ...COUNTERS, received: 4 },
      [EVENT, OTHER],
      "Topic a: received 4 is not",
    ],
    [
      "an event was not counted",
      COUNTERS,
      [EVENT, OTHER, { ...EVENT, event_id: "3", seq: 3 }],
      "Topic a: there are 3 events, but 2",
    ],
    [
      "events are of a topic without counters",
      COUNTERS,
      [EVENT, OTHER, { ...OTHER, topic: "b", seq: 3 }],
      "There are events of topic b, but",
    ],
  ])("is wrong where %s", async (_, counters, events, difference) => {
    using fake = Bun.serve({
      port: 0,
      routes: {
        "/stats": () => Response.json({ ...counters, topics: { a: counters }, topic_count: 1, epoch: "e" }),
        "/events": ({ url }) => {
          const { searchParams: query } = new URL(url);
          const rest =
            query.get("limit") === "1"
              ? events.filter(({ seq }) => seq > Number(query.get("after")))
              : events;
          return Response.json({ events: rest, count: rest.length, next: null });
        },
      },
    });
    const { differences } = await verdictOn(fake.url.origin);
    expect(differences[0]!.detail).toStartWith(difference);
  });

  test("that cannot be reached, or is none, is told in a sentence", async () => {
    const closed = Bun.serve({ port: 0, fetch: () => new Response() });
    await closed.stop(true);
    expect(await refusalOf(1, "verify", closed.url.origin)).toStartWith("No node can be reached at http://");
    using other = Bun.serve({ port: 0, fetch: () => Response.json({}) });
    expect(await refusalOf(1, "verify", other.url.origin)).toEndWith("is no onefold node.");
  });
});
