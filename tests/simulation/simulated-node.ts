/** The node's own parts, put together as in `src/node.ts` and its ledger thread, but on one simulated thread. */

import type { Database } from "bun:sqlite";
import { fileURLToPath } from "node:url";
import { LedgerClient, type LedgerClientLimits } from "../../src/ingest/ledger-client.ts";
import { LedgerHost } from "../../src/ingest/ledger-host.ts";
import type { FromLedger, ToLedger } from "../../src/ingest/ledger-messages.ts";
import type { LedgerEvents } from "../../src/ingest/publish.ts";
import { StatsHub } from "../../src/live/stats-hub.ts";
import type { Retention } from "../../src/storage/retention.ts";
import { checkpoint, makeRestartRequest, restartLogIfAsked } from "../../src/storage/sqlite/checkpointer.ts";
import { openForWriting } from "../../src/storage/sqlite/database.ts";
import { GuardedStore } from "../../src/storage/sqlite/guarded-store.ts";
import { SqliteEventStore } from "../../src/storage/sqlite/sqlite-event-store.ts";
import type { Faults } from "./faults.ts";
import type { Scheduler } from "./scheduler.ts";
import { ScopedStore, type StoreWatch } from "./scoped-store.ts";
import { EVENT_BYTES_MAX, EVENTS_MAX } from "./traffic.ts";

export const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../drizzle", import.meta.url));

/** What a deliberately broken node is built with instead of the real parts. */
export interface NodeParts {
  readonly Store: typeof SqliteEventStore;
  /** Between the database and the faults. */
  readonly wrapDatabase: (db: Database) => Database;
}

export const REAL_PARTS: NodeParts = {
  Store: SqliteEventStore,
  wrapDatabase: (db) => db,
};

export interface NodeOptions {
  readonly path: string;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly parts: NodeParts;
  readonly queue: LedgerClientLimits;
  readonly retention: Retention;
  readonly watch: Pick<StoreWatch, "prune" | "pruneRowsMax" | "lookUpFailed">;
  readonly topicsMax: number;
  readonly socketsPerTurnMax: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newEpoch: () => string;
  /** Sees each message as it leaves the ledger thread. */
  readonly posted: (message: FromLedger) => void;
  /** Sees each message as it arrives on the edge. */
  readonly arrived: (message: FromLedger) => void;
  /** Called after the node's own work on each of them. */
  readonly events: LedgerEvents;
}

export class SimulatedNode {
  readonly path: string;
  readonly store: SqliteEventStore;
  readonly hub: StatsHub;
  readonly client: LedgerClient;
  readonly restartRequest = makeRestartRequest();
  /** The connection that commits, since the store was opened last. */
  db: Database | undefined;

  constructor(options: NodeOptions) {
    const { path, scheduler, parts, faults } = options;
    this.path = path;
    const open = (file: string): Database => {
      faults.opening();
      const db = openForWriting(file);
      db.run("PRAGMA synchronous = OFF");
      // On one thread nobody can let go of a lock while somebody waits for it.
      db.run("PRAGMA busy_timeout = 0");
      this.db = db;
      return parts.wrapDatabase(faults.attach(db));
    };
    this.store = new parts.Store({
      path,
      migrationsFolder: MIGRATIONS_FOLDER,
      open,
      retention: options.retention,
    });
    this.hub = new StatsHub({
      now: () => scheduler.now,
      every: (intervalMs, tick) => scheduler.every(intervalMs, tick),
      soon: (task) => scheduler.add("edge tasks", task),
      newEpoch: options.newEpoch,
      socketsPerTurnMax: options.socketsPerTurnMax,
    });
    const host = this.#makeHost(options);
    this.client = new LedgerClient({
      limits: options.queue,
      post: (message: ToLedger) => {
        const copy = structuredClone(message);
        scheduler.add("ledger messages", () => host.receive(copy));
      },
      soon: (task) => scheduler.add("edge tasks", task),
      events: this.#events(options.events),
    });
    scheduler.add("ledger tasks", () => host.start());
  }

  #makeHost({ scheduler, faults, watch, topicsMax, now, posted, arrived }: NodeOptions): LedgerHost {
    const { store } = this;
    const guarded = new GuardedStore(store, this.path);
    return new LedgerHost({
      // What failed before a commit began has nothing to do with it.
      store: new ScopedStore(guarded, { ...watch, beforeAppend: () => void faults.takeFired() }),
      limits: { eventsMax: EVENTS_MAX, eventBytesMax: EVENT_BYTES_MAX, topicsMax },
      now,
      post: (message: FromLedger) => {
        const copy = structuredClone(message);
        posted(copy);
        scheduler.add("edge messages", () => {
          arrived(copy);
          this.client.receive(copy);
        });
      },
      soon: (task) => scheduler.add("ledger tasks", task),
      later: (task, delayMs) => scheduler.later(delayMs, () => scheduler.add("ledger tasks", task)),
      probe: () => guarded.probe(),
      betweenCommits: () => restartLogIfAsked(store.database, this.restartRequest),
      beforeClose: () => void checkpoint(store.database, "TRUNCATE"),
    });
  }

  #events(after: LedgerEvents): LedgerEvents {
    return {
      opened: (contents) => {
        this.hub.opened(contents);
        after.opened(contents);
      },
      committed: (notice) => {
        this.hub.committed(notice);
        after.committed(notice);
      },
      answersKept: (figures) => after.answersKept(figures),
      failed: (reason) => after.failed(reason),
      healed: () => after.healed(),
      fault: (reason) => after.fault(reason),
      unusable: (reason) => after.unusable(reason),
    };
  }
}
