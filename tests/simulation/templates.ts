/** The database file to begin with: migrated once for all histories of this thread instead of once for each. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SqliteEventStore } from "../../src/storage/sqlite/sqlite-event-store.ts";
import { MIGRATIONS_FOLDER } from "./simulated-node.ts";
import { ROOT } from "./world.ts";

let migrated: Uint8Array | undefined;

/** The bytes of a file as the first start leaves it. */
export function migratedFile(): Uint8Array {
  if (migrated !== undefined) return migrated;
  const folder = mkdtempSync(join(ROOT, "onefold-template-"));
  try {
    const path = join(folder, "onefold.db");
    const store = new SqliteEventStore({ path, migrationsFolder: MIGRATIONS_FOLDER });
    store.open();
    store.database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    store.close();
    return (migrated = readFileSync(path));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
