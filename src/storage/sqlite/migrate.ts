/** Brings a database file to the schema of this executable, and refuses one that a newer executable has written. */

import type { Database } from "bun:sqlite";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { migrate } from "drizzle-orm/bun-sqlite/migrator";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { VERSION } from "../../version.ts";
import { metaChecksum } from "./checksums.ts";
import { DatabaseUnusableError } from "./database.ts";
import { fillChecksums } from "./fill-checksums.ts";

/**
 * Writes nothing when the file is of this version already. The caller holds the owner lock: Drizzle's migrator takes
 * none.
 *
 * @param path names the file in the sentence of a refusal.
 * @throws DatabaseUnusableError when the file has a migration that this executable does not know; it stays as it is.
 */
export function migrateDatabase(db: Database, migrationsFolder: string, path: string): void {
  refuseNewer(db, migrationsFolder, path);
  // Before, so that a crash in between leaves no newer schema without its version; after, for a file just made.
  if (hasTable(db, "meta")) writeVersion(db);
  migrate(drizzle(db), { migrationsFolder });
  if (hasChecksums(db)) fillChecksums(db);
  writeVersion(db);
}

function refuseNewer(db: Database, migrationsFolder: string, path: string): void {
  if (!hasTable(db, "__drizzle_migrations")) return;
  const known = new Set(readMigrationFiles({ migrationsFolder }).map(({ folderMillis }) => folderMillis));
  const applied = db
    .prepare<{ createdAt: number }, []>("SELECT created_at AS createdAt FROM __drizzle_migrations")
    .all();
  if (applied.every(({ createdAt }) => known.has(Number(createdAt)))) return;
  const writer = readVersion(db);
  throw new DatabaseUnusableError(
    `${path} was written by ${writer === undefined ? "a onefold" : `onefold ${writer}`}, ` +
      `which is newer than this ${VERSION}: run that version or restore a backup.`,
  );
}

/** The version that last opened the file for writing; files of 0.1.0 and before don't say. */
function readVersion(db: Database): string | undefined {
  if (!hasTable(db, "meta")) return undefined;
  const row = db
    .prepare<{ value: string }, []>("SELECT CAST(value AS TEXT) AS value FROM meta WHERE key = 'version'")
    .get();
  return row?.value;
}

function writeVersion(db: Database): void {
  if (readVersion(db) === VERSION) return;
  // Before the migration that brings them there are no checksums.
  if (!hasChecksums(db))
    db.prepare(
      "INSERT INTO meta (key, value) VALUES ('version', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
    ).run(VERSION);
  else
    db.prepare(
      `INSERT INTO meta (key, value, checksum) VALUES ('version', ?1, ?2)
       ON CONFLICT (key) DO UPDATE SET value = ?1, checksum = ?2`,
    ).run(VERSION, metaChecksum("version", VERSION));
}

function hasChecksums(db: Database): boolean {
  return db.prepare("SELECT 1 FROM pragma_table_info('meta') WHERE name = 'checksum'").get() !== null;
}

function hasTable(db: Database, name: string): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== null;
}
