/** The reader thread: answers queries on a read-only connection, so that neither edge nor ledger waits for a scan. */

import type { FromReader, ToReader } from "../storage/reader-messages.ts";
import { openForReading } from "../storage/sqlite/database.ts";
import { SqliteEventReader } from "../storage/sqlite/sqlite-event-reader.ts";
import type { ReaderStart } from "./messages.ts";

declare const self: Worker;

function answer(reader: SqliteEventReader, message: ToReader): FromReader {
  const { ticket } = message;
  try {
    if (message.kind === "page") return { kind: "page", ticket, page: reader.page(message.query) };
    if (message.kind === "conflicts")
      return { kind: "conflicts", ticket, page: reader.conflicts(message.query) };
    return { kind: "found", ticket, event: reader.find(message.key, message.candidates) };
  } catch (error) {
    return { kind: "failed", ticket, reason: error instanceof Error ? error.message : String(error) };
  }
}

function start({ databasePath }: ReaderStart): void {
  const reader = new SqliteEventReader(openForReading(databasePath), () => performance.now());
  self.onmessage = ({ data }: MessageEvent<ToReader>) => self.postMessage(answer(reader, data));
}

self.onmessage = ({ data }: MessageEvent<ReaderStart>) => start(data);
