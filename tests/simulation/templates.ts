/** Database files to begin with, made once for all histories of this thread instead of once for each. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SqliteEventStore } from "../../src/storage/sqlite/sqlite-event-store.ts";
import { SEGMENT_EVENTS } from "../../src/storage/sqlite/topic-segments.ts";
import { Model, type SentEvent } from "./model.ts";
import { PAYLOADS } from "./payloads.ts";
import { MIGRATIONS_FOLDER } from "./simulated-node.ts";
import { ROOT, STARTED_AT } from "./world.ts";

/** What a history begins with: a file, and what is in it. */
export interface Beginning {
  /** Undefined where the first start makes the file. */
  readonly file: Uint8Array | undefined;
  readonly model: Model;
}

/** Events that are missing to a whole segment, so that the lists of its topics are written during the history. */
const SEGMENT_REST = 30;

const BATCH_EVENTS = 4_096;
const LARGE_TOPICS = ["default", "orders"];

let migrated: Uint8Array | undefined;
let large: Beginning | undefined;

export function emptyBeginning(isMigrated: boolean): Beginning {
  if (isMigrated) migrated ??= fileAfter(() => {});
  return { file: isMigrated ? migrated : undefined, model: new Model() };
}

/** A file that is nearly a segment long. */
export function largeBeginning(): Beginning {
  if (large === undefined) {
    const model = new Model();
    const file = fileAfter((store) => fill(store, model));
    model.keepAsBase();
    large = { file, model };
  }
  return { file: large.file, model: large.model.clone() };
}

function fill(store: SqliteEventStore, model: Model): void {
  const receivedAt = STARTED_AT - 60_000;
  for (let from = 0; from < SEGMENT_EVENTS - SEGMENT_REST; from += BATCH_EVENTS) {
    const count = Math.min(BATCH_EVENTS, SEGMENT_EVENTS - SEGMENT_REST - from);
    const events = Array.from({ length: count }, (_, i) => oldEvent(from + i));
    const records = events.map((event) => ({ ...event, payload: event.payload.stored, attributes: null }));
    store.append({ events: records, receivedAt });
    model.commit(events, receivedAt);
  }
}

function oldEvent(i: number): SentEvent {
  const topic = LARGE_TOPICS[i % LARGE_TOPICS.length]!;
  return { topic, scope: "", eventId: `old${i}`, timestamp: null, source: null, payload: PAYLOADS[0]! };
}

/** The bytes of a file as a node leaves it. */
function fileAfter(work: (store: SqliteEventStore) => void): Uint8Array {
  const folder = mkdtempSync(join(ROOT, "onefold-template-"));
  try {
    const path = join(folder, "onefold.db");
    const store = new SqliteEventStore({ path, migrationsFolder: MIGRATIONS_FOLDER });
    store.open();
    work(store);
    store.database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    store.close();
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
