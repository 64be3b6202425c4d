/** `onefold export`: stored events as NDJSON, to standard output or a file. */

import { closeSync, openSync } from "node:fs";
import type { Flags, Operand } from "../config/flags.ts";
import { variablesOf } from "../config/parse-config.ts";
import { parseFlagsAndOperand, UsageError } from "../config/parse-flags.ts";
import { existingDatabase } from "../maintenance/database-file.ts";
import { EXPORT_FORMS, type Exported, exportEvents as exportStored } from "../maintenance/event-export.ts";
import { UnfinishedFile } from "../maintenance/unfinished-file.ts";
import type { Command, Surroundings } from "./command.ts";
import { DATA_FLAG } from "./data-folder.ts";
import { ProgressBar } from "./progress-bar.ts";
import { grouped, JSON_FLAG, type Result, resultText, secondsSince } from "./result.ts";
import { ReaderGone, STANDARD_OUTPUT, writeWhole } from "./whole-write.ts";

const ALL_TOPICS = "*";

const FLAGS = {
  data: DATA_FLAG,
  topic: {
    kind: "text",
    default: ALL_TOPICS,
    placeholder: "TOPIC",
    help: "Only events of this topic; * is all.",
  },
  after: {
    kind: "integer",
    default: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: "seq",
    help: "Only events behind this sequence number.",
  },
  form: {
    kind: "choice",
    default: "stored",
    choices: EXPORT_FORMS,
    help: "As GET /events gives an event, or only what POST /publish takes.",
  },
  json: {
    ...JSON_FLAG,
    help: "Print the result as one line of JSON; on standard error when events go to the output.",
  },
} as const satisfies Flags;

const TARGET = {
  placeholder: "FILE",
  isRequired: false,
  help: "Where the events go; it must not be there yet. Else to standard output.",
} as const satisfies Operand;

export const exportEvents: Command = {
  name: "export",
  summary: "Writes stored events as NDJSON, one a line in the order of seq, of a running node as well.",
  flags: FLAGS,
  operand: TARGET,
  note: "With --form publish, each line can be published to another node, a CloudEvent as such; it then gives the same events.",
  run: runExport,
};

async function runExport(args: readonly string[], { environment }: Surroundings): Promise<number> {
  const { flags, operand: file } = parseFlagsAndOperand(FLAGS, TARGET, args, variablesOf(environment));
  if (flags.topic !== ALL_TOPICS && flags.topic.includes("*"))
    throw new UsageError(`Expected --topic to be one topic, got \`${flags.topic}\`.`);
  const databasePath = existingDatabase(flags.data);
  const startedAt = performance.now();
  const bar = file === undefined && process.stdout.isTTY ? undefined : ProgressBar.onTerminal(flags);
  const run = (descriptor: number): Promise<Exported> =>
    exportStored({
      ...{ databasePath, form: flags.form, after: flags.after },
      topic: flags.topic === ALL_TOPICS ? undefined : flags.topic,
      write: (text) => writeWhole(descriptor, text),
      onProgress: (progress) => bar?.show(progress),
    });
  try {
    const exported = file === undefined ? await run(STANDARD_OUTPUT) : await toFile(file, run);
    bar?.clear();
    const text = resultText(flags, resultOf(exported, file, secondsSince(startedAt)));
    if (file !== undefined) console.log(text);
    else if (flags.json) console.error(text);
    return 0;
  } catch (error) {
    // `| head` has seen enough: that is no failure.
    if (error instanceof ReaderGone) return 0;
    throw error;
  } finally {
    bar?.clear();
  }
}

async function toFile(file: string, run: (descriptor: number) => Promise<Exported>): Promise<Exported> {
  using unfinished = new UnfinishedFile(file);
  const descriptor = openSync(unfinished.path, "wx");
  let exported: Exported;
  try {
    exported = await run(descriptor);
  } finally {
    closeSync(descriptor);
  }
  unfinished.finish();
  return exported;
}

function resultOf({ events, gap }: Exported, file: string | undefined, seconds: number): Result {
  const removed = gap === undefined ? "" : `; retention has removed events from ${gap.from} to ${gap.to}`;
  return {
    members: { file: file ?? null, events, gap: gap ?? null, seconds },
    text: `${file} holds ${grouped(events)} events, written in ${seconds} seconds${removed}`,
  };
}
