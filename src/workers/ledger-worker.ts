/** The ledger thread: decodes, decides and commits. The only thread that writes events. */

import { LedgerHost } from "../ingest/ledger-host.ts";
import type { FromLedger, ToLedger } from "../ingest/ledger-messages.ts";
import { checkpoint, restartLogIfAsked } from "../storage/sqlite/checkpointer.ts";
import { SqliteEventStore } from "../storage/sqlite/sqlite-event-store.ts";
import type { LedgerStart } from "./messages.ts";

declare const self: Worker;

function start({ databasePath, migrationsFolder, limits, retention, restartRequest }: LedgerStart): void {
  const store = new SqliteEventStore({ path: databasePath, migrationsFolder, retention });
  const host = new LedgerHost({
    store,
    limits,
    now: Date.now,
    post: (message: FromLedger) => self.postMessage(message),
    soon: (task) => void setImmediate(task),
    later: (task, delayMs) => void setTimeout(task, delayMs),
    betweenCommits: () => restartLogIfAsked(store.database, restartRequest),
    beforeClose: () => void checkpoint(store.database, "TRUNCATE"),
  });
  self.onmessage = ({ data }: MessageEvent<ToLedger>) => host.receive(data);
  host.start();
}

self.onmessage = ({ data }: MessageEvent<LedgerStart>) => start(data);
