/** A verified copy of one consistent point of a file, of a node that goes on writing or of one that is stopped. */

import type { OnProgress } from "../progress.ts";
import { openForReading } from "../storage/sqlite/database.ts";
import { faultOfLog } from "../storage/sqlite/log-check.ts";
import type { FileFigures } from "../storage/sqlite/verification/verification-report.ts";
import type { FileThread } from "./file-tasks.ts";
import { UnfinishedFile } from "./unfinished-file.ts";

export interface BackupOptions {
  readonly databasePath: string;
  /** Must not exist. */
  readonly target: string;
  readonly thread: FileThread;
  readonly onProgress: OnProgress;
}

/** @throws Error with one sentence; nothing is left behind then */
export async function backUp({
  databasePath,
  target,
  thread,
  onProgress,
}: BackupOptions): Promise<FileFigures> {
  expectSoundLog(databasePath);
  using unfinished = new UnfinishedFile(target);
  await copyInto(unfinished, databasePath, thread, onProgress);
  const { figures, differences, differenceCount } = await thread.verify(unfinished.path, onProgress);
  if (differenceCount > 0)
    throw new Error(
      `${databasePath} is not right, so its copy was not kept: ${differences[0]!.detail} \`onefold verify\` tells more.`,
    );
  unfinished.finish();
  return figures;
}

/** A copy has no log, and would not tell what the log has lost. @throws Error with one sentence */
function expectSoundLog(path: string): void {
  const db = openForReading(path);
  try {
    const fault = faultOfLog(path, db);
    if (fault !== undefined) throw new Error(`${path} is not right, so it was not copied: ${fault}`);
  } finally {
    db.close(true);
  }
}

/** @throws Error with one sentence that names the file */
export async function copyInto(
  unfinished: UnfinishedFile,
  from: string,
  thread: FileThread,
  onProgress: OnProgress,
): Promise<void> {
  try {
    await thread.copy(from, unfinished.path, onProgress);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new Error(`${from} cannot be copied (${reason}).`, { cause: error });
  }
}
