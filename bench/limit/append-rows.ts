/** The process that appends: the columns of `events` as a node has them, the text of the load, no index but `seq`. */

import { Database } from "bun:sqlite";
import { EventNumbers } from "../load/event-numbers.ts";
import { EventText, SMALL_EVENTS } from "../load/event-text.ts";
import { Latencies } from "../load/latencies.ts";
import { residentBytesOf } from "../process-usage.ts";
import type { AppendOptions, AppendResult } from "./appends.ts";

interface SentEvent {
  readonly topic: string;
  readonly event_id: string;
  readonly timestamp: string;
  readonly source: string;
  readonly payload: unknown;
}

interface Row {
  readonly topicId: number;
  readonly eventId: string;
  readonly timestamp: string;
  readonly source: string;
  readonly payload: string;
}

class RowSource {
  readonly #numbers = new EventNumbers(0, { percent: 0, oldEvents: 0 });
  readonly #text: EventText;

  constructor(rowsPerCommit: number) {
    this.#text = new EventText(rowsPerCommit, { head: "[", tail: "]" });
  }

  next(): Row[] {
    const text = this.#text.write(this.#numbers.next).toString("latin1");
    return (JSON.parse(text) as SentEvent[]).map(({ topic, event_id, timestamp, source, payload }) => ({
      topicId: topic.charCodeAt(topic.length - 1) % SMALL_EVENTS.topics,
      eventId: event_id,
      timestamp,
      source,
      payload: JSON.stringify(payload),
    }));
  }
}

function openTable({ file, checkpoints }: AppendOptions): Database {
  const db = new Database(file, { create: true });
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  if (checkpoints === "none") db.run("PRAGMA wal_autocheckpoint = 0");
  db.run(`CREATE TABLE events (
    seq INTEGER PRIMARY KEY NOT NULL, topic_id INTEGER NOT NULL, scope TEXT NOT NULL, event_id TEXT NOT NULL,
    timestamp TEXT, source TEXT, payload TEXT NOT NULL, attributes TEXT, received_at INTEGER NOT NULL, checksum INTEGER)`);
  return db;
}

function append(options: AppendOptions): AppendResult {
  const db = openTable(options);
  const [begin, commit] = [db.prepare("BEGIN IMMEDIATE"), db.prepare("COMMIT")];
  const insert = db.prepare(
    `INSERT INTO events (seq, topic_id, scope, event_id, timestamp, source, payload, received_at, checksum)
     VALUES (?, ?, '', ?, ?, ?, ?, ?, ?)`,
  );
  const source = new RowSource(options.rowsPerCommit);
  let seq = 0;
  const writeCommit = (rows: readonly Row[]): void => {
    const now = Date.now();
    begin.run();
    for (const { topicId, eventId, timestamp, source, payload } of rows) {
      seq++;
      // As large as a checksum, which is not what is measured here.
      const checksum = Math.imul(seq, 0x85ebca6b);
      insert.run(seq, topicId, eventId, timestamp, source, payload, now, checksum);
    }
    commit.run();
  };
  const warmUntil = performance.now() + options.warmUpSeconds * 1_000;
  do writeCommit(source.next());
  while (performance.now() < warmUntil);
  const measured = measure(options.seconds, () => source.next(), writeCommit);
  expectRows(db, seq);
  db.close();
  return measured;
}

/** Until transactions have taken so many seconds. */
function measure(
  seconds: number,
  next: () => readonly Row[],
  write: (rows: readonly Row[]) => void,
): AppendResult {
  const latencies = new Latencies();
  let [rows, ms, cpuMicroseconds] = [0, 0, 0];
  while (ms < seconds * 1_000) {
    const batch = next();
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    write(batch);
    const tookMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpuBefore);
    latencies.add(tookMs);
    rows += batch.length;
    ms += tookMs;
    cpuMicroseconds += user + system;
  }
  return {
    rows,
    seconds: ms / 1_000,
    cpuSeconds: cpuMicroseconds / 1e6,
    commit: latencies.summary(),
    residentBytes: residentBytesOf(process.pid),
  };
}

function expectRows(db: Database, expected: number): void {
  const count = db.prepare<{ n: number }, []>("SELECT count(*) AS n FROM events").get()?.n;
  if (count !== expected) throw new Error(`${count} rows are in the table, not ${expected}`);
}

console.log(JSON.stringify(append(JSON.parse(process.argv[2] ?? "") as AppendOptions)));
