/** One process owns a database file. The lock dies with its holder, however that dies. */

import { Database } from "bun:sqlite";
import { accessSync, constants } from "node:fs";

export class AlreadyOwnedError extends Error {
  override readonly name = "AlreadyOwnedError";
}

/** SQLite opens what it may not write for reading, takes no exclusive lock on it then, and says nothing. */
export class LockNotWritableError extends Error {
  override readonly name = "LockNotWritableError";
}

export interface OwnerLock {
  release(): void;
}

/**
 * Holds an exclusive transaction on a small database of its own beside the file. The kernel lets go of it when the
 * process ends; a process id in a file would lie in containers. Never open the lock file by other means: closing
 * any descriptor of it drops the POSIX locks of the whole process.
 *
 * @param waitMs how long to wait for another process to let go of it.
 * @param isOnlyLooking whether it shall do as well that nobody can take the lock meanwhile: for that a lock file need
 * not be writable.
 * @throws AlreadyOwnedError when another process holds it; LockNotWritableError when nobody could tell.
 */
export function acquireOwnerLock(
  databasePath: string,
  { waitMs = 0, isOnlyLooking = false } = {},
): OwnerLock {
  const path = `${databasePath}.lock`;
  const lock = new Database(path, { create: true });
  try {
    lock.run(`PRAGMA busy_timeout = ${waitMs}`);
    // Nothing is ever committed, so it needs no journal on the disk.
    lock.run("PRAGMA journal_mode = MEMORY");
    lock.run("BEGIN EXCLUSIVE");
    if (!isOnlyLooking) tryToWrite(lock);
  } catch (error) {
    lock.close();
    const { code } = error as { code?: unknown };
    if (code === "SQLITE_READONLY") throw notWritable(path, error);
    if (code !== "SQLITE_BUSY") throw error;
    throw new AlreadyOwnedError(`${databasePath} is in use by another onefold process.`);
  }
  return { release: () => lock.close() };
}

/** Writes, and takes it back: only that tells whether the lock is one. `access` would go by the real user. */
function tryToWrite(lock: Database): void {
  lock.run("SAVEPOINT trial");
  lock.run("PRAGMA user_version = 1");
  lock.run("ROLLBACK TO trial");
}

function notWritable(path: string, cause: unknown): Error {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    if ((error as { code?: unknown }).code === "EROFS")
      return new Error("the file system is read-only", { cause });
  }
  return new LockNotWritableError(
    `The lock file ${path} is read-only to this user: give it to whom the node runs as.`,
    { cause },
  );
}
