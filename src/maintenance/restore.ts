/** A data folder from a backup: verified, brought to the present schema, and with an identity of its own. */

import { statSync } from "node:fs";
import type { OnProgress } from "../progress.ts";
import { openForWriting } from "../storage/sqlite/database.ts";
import { migrateDatabase } from "../storage/sqlite/migrate.ts";
import { acquireOwnerLock } from "../storage/sqlite/owner-lock.ts";
import { renewDatabaseId } from "../storage/sqlite/recovery.ts";
import { NotVerifiableError, OlderSchemaError } from "../storage/sqlite/verification/pages.ts";
import type { VerificationReport } from "../storage/sqlite/verification/verification-report.ts";
import { copyInto } from "./backup.ts";
import { databaseIn } from "./database-file.ts";
import type { FileThread } from "./file-tasks.ts";
import { makeFolder } from "./folder-owner.ts";
import { UnfinishedFile } from "./unfinished-file.ts";

export interface RestoreOptions {
  readonly source: string;
  /** The data folder; made when missing. */
  readonly folder: string;
  readonly migrationsFolder: string;
  readonly thread: FileThread;
  readonly onProgress: OnProgress;
}

export interface Restored {
  readonly report: VerificationReport;
  readonly databaseId: string;
}

/** @throws Error with one sentence; nothing is left behind then */
export async function restoreInto(options: RestoreOptions): Promise<Restored> {
  const { source, folder, migrationsFolder, thread, onProgress } = options;
  const target = databaseIn(folder);
  makeFolder(folder);
  const lock = acquireOwnerLock(target);
  try {
    using unfinished = new UnfinishedFile(target);
    if ((statSync(`${target}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0)
      throw new Error(
        `${target}-wal is left of another database: move it away, it would be taken for this one's.`,
      );
    await expectRight(source, source, thread, onProgress);
    await copyInto(unfinished, source, thread, onProgress);
    const databaseId = makeOwn(unfinished.path, migrationsFolder, source);
    // The copy itself: a node may have gone on writing to the source, and an old schema is verified only here.
    const report = await expectRight(unfinished.path, source, thread, onProgress);
    if (report === undefined) throw new Error(`${source} could not be brought to the present schema.`);
    unfinished.finish();
    return { report, databaseId };
  } finally {
    lock.release();
  }
}

/** @returns nothing where the file is of an older schema and can only be verified once it is migrated. */
async function expectRight(
  path: string,
  name: string,
  thread: FileThread,
  onProgress: OnProgress,
): Promise<VerificationReport | undefined> {
  let report: VerificationReport;
  try {
    report = await thread.verify(path, onProgress);
  } catch (error) {
    if (error instanceof OlderSchemaError) return undefined;
    if (error instanceof NotVerifiableError) throw new Error(`${name} cannot be restored: ${error.message}`);
    throw error;
  }
  if (report.differenceCount === 0) return report;
  throw new Error(
    `${name} is not right, so it was not restored: ${report.differences[0]!.detail} \`onefold verify\` tells more.`,
  );
}

/** Closing the only connection copies the log back, so that one whole file is left. */
function makeOwn(path: string, migrationsFolder: string, source: string): string {
  const db = openForWriting(path);
  try {
    migrateDatabase(db, migrationsFolder, source);
    return renewDatabaseId(db);
  } finally {
    db.close(true);
  }
}
