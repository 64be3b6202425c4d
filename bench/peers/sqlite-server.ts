/** A WebSocket server over a table with a unique index; whatever has arrived goes into one synced transaction. */

import { Database } from "bun:sqlite";
import type { ServerWebSocket } from "bun";

interface PublishedEvent {
  readonly topic: string;
  readonly event_id: string;
  readonly timestamp: string;
  readonly source: string;
  readonly payload: unknown;
}

interface Frame {
  readonly socket: ServerWebSocket<undefined>;
  readonly text: string;
}

const [port, file] = process.argv.slice(2);
const db = new Database(file);
db.run("PRAGMA journal_mode = WAL");
db.run("PRAGMA synchronous = FULL");
db.run(
  "CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT UNIQUE, received INTEGER, unique_processed INTEGER)",
);
db.run(`CREATE TABLE events (
  seq INTEGER PRIMARY KEY, topic_id INTEGER, event_id TEXT, timestamp TEXT, source TEXT, payload TEXT,
  received_at INTEGER, UNIQUE (topic_id, event_id))`);

const insertTopic = db.query(
  "INSERT INTO topics (name, received, unique_processed) VALUES (?, 0, 0) RETURNING id",
);
const insertEvent = db.query(
  "INSERT OR IGNORE INTO events (topic_id, event_id, timestamp, source, payload, received_at) VALUES (?, ?, ?, ?, ?, ?)",
);
const count = db.query(
  "UPDATE topics SET received = received + ?, unique_processed = unique_processed + ? WHERE id = ?",
);

const topicIds = new Map<string, number>();
let waiting: Frame[] = [];

const commit = db.transaction((frames: readonly Frame[]) => {
  const now = Date.now();
  const counts = new Map<number, { received: number; unique: number }>();
  for (const { text } of frames) {
    for (const event of (JSON.parse(text) as { events: PublishedEvent[] }).events) {
      const topicId = topicIds.get(event.topic) ?? addTopic(event.topic);
      let topic = counts.get(topicId);
      if (topic === undefined) counts.set(topicId, (topic = { received: 0, unique: 0 }));
      const { event_id, timestamp, source, payload } = event;
      const { changes } = insertEvent.run(topicId, event_id, timestamp, source, JSON.stringify(payload), now);
      topic.received++;
      topic.unique += changes;
    }
  }
  for (const [id, { received, unique }] of counts) count.run(received, unique, id);
});

function addTopic(name: string): number {
  const { id } = insertTopic.get(name) as { id: number };
  topicIds.set(name, id);
  return id;
}

function commitWaiting(): void {
  const frames = waiting;
  waiting = [];
  commit(frames);
  for (const { socket } of frames) socket.send('{"type":"ack"}');
}

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === "/version") {
      return Response.json(
        (db.query("SELECT sqlite_version() AS version").get() as { version: string }).version,
      );
    }
    if (pathname === "/counters") {
      const totals =
        'SELECT sum(received) AS received, (SELECT count(*) FROM events) AS "unique" FROM topics';
      return Response.json(db.query(totals).get());
    }
    return server.upgrade(request) ? undefined : new Response("a WebSocket is expected", { status: 426 });
  },
  websocket: {
    message(socket, text) {
      if (waiting.length === 0) setImmediate(commitWaiting);
      waiting.push({ socket, text: text as string });
    },
  },
});
