/** `onefold backup`: a verified copy of the database, also while a node runs on it. */

import type { Flags, Operand } from "../config/flags.ts";
import { variablesOf } from "../config/parse-config.ts";
import { parseFlagsAndOperand } from "../config/parse-flags.ts";
import { backUp } from "../maintenance/backup.ts";
import { existingDatabase } from "../maintenance/database-file.ts";
import { FileThread } from "../maintenance/file-tasks.ts";
import type { Command, Surroundings } from "./command.ts";
import { DATA_FLAG } from "./data-folder.ts";
import { ProgressBar } from "./progress-bar.ts";
import { grouped, JSON_FLAG, resultText, secondsSince } from "./result.ts";

const FLAGS = { data: DATA_FLAG, json: JSON_FLAG } as const satisfies Flags;

const TARGET = {
  placeholder: "FILE",
  isRequired: true,
  help: "Where the copy goes; it must not be there yet.",
} as const satisfies Operand;

export const backup: Command = {
  name: "backup",
  summary: "Writes a verified copy of the database, of a running node as well.",
  flags: FLAGS,
  operand: TARGET,
  note: "The copy holds everything that was acknowledged before it began. It gets its name when it is whole and synced.",
  run: runBackup,
};

async function runBackup(args: readonly string[], { environment, files }: Surroundings): Promise<number> {
  const { flags, operand: file } = parseFlagsAndOperand(FLAGS, TARGET, args, variablesOf(environment));
  const databasePath = existingDatabase(flags.data);
  const bar = ProgressBar.onTerminal(flags);
  const startedAt = performance.now();
  using thread = new FileThread(files.fileWorker);
  try {
    const figures = await backUp({
      databasePath,
      target: file,
      thread,
      onProgress: (progress) => bar?.show(progress),
    });
    bar?.clear();
    const { events, bytes, newest_seq: lastSeq, topics } = figures;
    const seconds = secondsSince(startedAt);
    const members = { file, events, topics, last_seq: lastSeq, bytes, seconds };
    const text = `${file} holds ${grouped(events)} events up to number ${lastSeq}, ${grouped(bytes)} bytes; copied and verified in ${seconds} seconds`;
    console.log(resultText(flags, { members, text }));
    return 0;
  } finally {
    bar?.clear();
  }
}
