/** Brings a database file to the current schema. The caller holds the owner lock: Drizzle's migrator takes none. */

import type { Database } from "bun:sqlite";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { migrate } from "drizzle-orm/bun-sqlite/migrator";

export function migrateDatabase(db: Database, migrationsFolder: string): void {
  migrate(drizzle(db), { migrationsFolder });
}
