/** The reader thread: answers queries on a read-only connection, so that neither edge nor ledger waits for a scan. */

import { setPriority } from "node:os";
import type { FromReader, ToReader } from "../storage/reader-messages.ts";
import { GuardedReader } from "../storage/sqlite/guarded-reader.ts";
import type { SqliteEventReader } from "../storage/sqlite/sqlite-event-reader.ts";
import { storageFaultOf } from "../storage/storage-fault.ts";
import type { ReaderStart } from "./messages.ts";

declare const self: Worker;

function read(reader: SqliteEventReader, message: ToReader): FromReader {
  const { ticket } = message;
  if (message.kind === "page") return { kind: "page", ticket, page: reader.page(message.query) };
  if (message.kind === "feed") return { kind: "feed", ticket, page: reader.feedPage(message.query) };
  if (message.kind === "conflicts")
    return { kind: "conflicts", ticket, page: reader.conflicts(message.query) };
  return { kind: "found", ticket, event: reader.find(message.key, message.candidates, message.form) };
}

function answer(guarded: GuardedReader, message: ToReader): FromReader {
  try {
    return guarded.read((reader) => read(reader, message));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "failed", ticket: message.ticket, reason, fault: storageFaultOf(error) };
  }
}

function start({ databasePath, niceness }: ReaderStart): void {
  // On Linux a priority is a thread's own, and 0 means the one that asks; elsewhere it would be the process's.
  if (niceness > 0 && process.platform === "linux") setPriority(0, niceness);
  const reader = new GuardedReader(databasePath, () => performance.now());
  self.onmessage = ({ data }: MessageEvent<ToReader>) => self.postMessage(answer(reader, data));
}

self.onmessage = ({ data }: MessageEvent<ReaderStart>) => start(data);
