/** One process owns a database file. The lock dies with its holder, however that dies. */

import { Database } from "bun:sqlite";

export class AlreadyOwnedError extends Error {
  override readonly name = "AlreadyOwnedError";
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
 * @throws AlreadyOwnedError when another process holds it.
 */
export function acquireOwnerLock(databasePath: string, { waitMs = 0 } = {}): OwnerLock {
  const lock = new Database(`${databasePath}.lock`, { create: true });
  try {
    lock.run(`PRAGMA busy_timeout = ${waitMs}`);
    lock.run("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if ((error as { code?: unknown }).code !== "SQLITE_BUSY") throw error;
    throw new AlreadyOwnedError(`${databasePath} is in use by another onefold process.`);
  }
  return { release: () => lock.close() };
}
