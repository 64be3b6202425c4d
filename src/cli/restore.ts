/** `onefold restore`: a data folder from a backup. */

import { accessSync, constants } from "node:fs";
import type { Flags, Operand } from "../config/flags.ts";
import { variablesOf } from "../config/parse-config.ts";
import { parseFlagsAndOperand } from "../config/parse-flags.ts";
import { databaseIn, existingDatabase } from "../maintenance/database-file.ts";
import { FileThread } from "../maintenance/file-tasks.ts";
import { becomeFolderOwner } from "../maintenance/folder-owner.ts";
import { restoreInto } from "../maintenance/restore.ts";
import type { Command, Surroundings } from "./command.ts";
import { DATA_FLAG } from "./data-folder.ts";
import { ProgressBar } from "./progress-bar.ts";
import { grouped, JSON_FLAG, resultText, secondsSince } from "./result.ts";

const FLAGS = { data: DATA_FLAG, json: JSON_FLAG } as const satisfies Flags;

const SOURCE = {
  placeholder: "FILE",
  isRequired: true,
  help: "What `onefold backup` has written.",
} as const satisfies Operand;

export const restore: Command = {
  name: "restore",
  summary: "Makes the database in --data from a backup, which is verified first.",
  flags: FLAGS,
  operand: SOURCE,
  note: `It overwrites no database. What is restored is another database than the one it comes from: cursors of that are no
good here.`,
  run: runRestore,
};

async function runRestore(args: readonly string[], { environment, files }: Surroundings): Promise<number> {
  const { flags, operand } = parseFlagsAndOperand(FLAGS, SOURCE, args, variablesOf(environment));
  const source = existingDatabase(operand);
  expectReadable(source, becomeFolderOwner(flags.data));
  const bar = ProgressBar.onTerminal(flags);
  const startedAt = performance.now();
  using thread = new FileThread(files.fileWorker);
  try {
    const { report, databaseId } = await restoreInto({
      source,
      folder: flags.data,
      migrationsFolder: files.migrationsFolder,
      thread,
      onProgress: (progress) => bar?.show(progress),
    });
    bar?.clear();
    const { events, bytes, newest_seq: lastSeq, topics } = report.figures;
    const file = databaseIn(flags.data);
    const seconds = secondsSince(startedAt);
    const members = { file, database_id: databaseId, events, topics, last_seq: lastSeq, bytes, seconds };
    const text = `${file} holds ${grouped(events)} events up to number ${lastSeq}; verified and restored in ${seconds} seconds`;
    console.log(resultText(flags, { members, text }));
    return 0;
  } finally {
    bar?.clear();
  }
}

/** Root restores with the rights of the data folder's owner, who may not be allowed what root is. */
function expectReadable(source: string, user: number | undefined): void {
  if (user === undefined) return;
  try {
    accessSync(source, constants.R_OK);
  } catch (error) {
    throw new Error(`${source} cannot be read by user ${user}, whom the data folder belongs to.`, {
      cause: error,
    });
  }
}
