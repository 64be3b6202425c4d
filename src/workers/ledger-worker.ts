/** The ledger thread: decodes, decides and commits. The only thread that writes events. */

import { LedgerHost } from "../ingest/ledger-host.ts";
import type { FromLedger, ToLedger } from "../ingest/ledger-messages.ts";
import { checkpoint, restartLogIfAsked } from "../storage/sqlite/checkpointer.ts";
import { GuardedStore } from "../storage/sqlite/guarded-store.ts";
import { SqliteEventStore } from "../storage/sqlite/sqlite-event-store.ts";
import type { LedgerStart } from "./messages.ts";

declare const self: Worker;

function start({ databasePath, migrationsFolder, limits, restartRequest, ...storage }: LedgerStart): void {
  const store = new SqliteEventStore({ path: databasePath, migrationsFolder, ...storage });
  const guarded = new GuardedStore(store, databasePath);
  const host = new LedgerHost({
    store: guarded,
    limits,
    now: Date.now,
    post: (message: FromLedger) => self.postMessage(message),
    soon: (task) => void setImmediate(task),
    later: (task, delayMs) => void setTimeout(task, delayMs),
    probe: () => guarded.probe(),
    betweenCommits: () => restartLogIfAsked(store.database, restartRequest),
    beforeClose: () => void checkpoint(store.database, "TRUNCATE"),
  });
  self.onmessage = ({ data }: MessageEvent<ToLedger>) => host.receive(data);
  host.start();
}

self.onmessage = ({ data }: MessageEvent<LedgerStart>) => start(data);
