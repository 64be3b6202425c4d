/** `onefold prune`: retention on a database that no node has open. */

import { dirname } from "node:path";
import type { Flags } from "../config/flags.ts";
import { variablesOf } from "../config/parse-config.ts";
import { parseFlags, UsageError } from "../config/parse-flags.ts";
import { SETTINGS } from "../config/settings.ts";
import { existingDatabase } from "../maintenance/database-file.ts";
import { becomeFolderOwner } from "../maintenance/folder-owner.ts";
import { pruneOffline } from "../maintenance/offline-prune.ts";
import { retentionOf } from "../node.ts";
import type { Command, Surroundings } from "./command.ts";
import { DATA_FLAG } from "./data-folder.ts";
import { ProgressBar } from "./progress-bar.ts";
import { grouped, JSON_FLAG, resultText, secondsSince } from "./result.ts";

const { retainEvents, retainFor, retainBytes, dedupWindow } = SETTINGS;

const FLAGS = {
  data: DATA_FLAG,
  ...{ retainEvents, retainFor, retainBytes, dedupWindow },
  json: JSON_FLAG,
} as const satisfies Flags;

export const prune: Command = {
  name: "prune",
  summary: "Removes what retention does not keep from a stopped node's database, and gives the space back.",
  flags: FLAGS,
  note: `A running node prunes by itself when \`serve\` has these flags, and they are variables as there.
Give the --dedup-window that the node has: ids that have outlived their event for longer are forgotten.`,
  run: runPrune,
};

async function runPrune(args: readonly string[], { environment, files }: Surroundings): Promise<number> {
  const flags = parseFlags(FLAGS, args, variablesOf(environment));
  const retention = retentionOf(flags);
  const rules = [...retention.events, ...retention.bytes, ...retention.ages];
  if (rules.length === 0)
    throw new UsageError("Say what to keep, with --retain-events, --retain-for or --retain-bytes.");
  const databasePath = existingDatabase(flags.data);
  // What root writes there, the node could not write again.
  becomeFolderOwner(dirname(databasePath));
  const bar = ProgressBar.onTerminal(flags);
  const startedAt = performance.now();
  try {
    const { removed, events, bytesBefore, bytesAfter } = pruneOffline({
      databasePath,
      migrationsFolder: files.migrationsFolder,
      retention,
      onProgress: (progress) => bar?.show(progress),
    });
    bar?.clear();
    const seconds = secondsSince(startedAt);
    const members = {
      ...{ file: databasePath, removed, events },
      ...{ bytes_before: bytesBefore, bytes_after: bytesAfter, seconds },
    };
    const text = `removed ${grouped(removed)} events, ${grouped(events)} are left; ${databasePath} took ${grouped(bytesBefore)} bytes and takes ${grouped(bytesAfter)}; ${seconds} seconds`;
    console.log(resultText(flags, { members, text }));
    return 0;
  } finally {
    bar?.clear();
  }
}
