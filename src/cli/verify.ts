/** `onefold verify`: whether a file, or a running node, agrees with itself; an exit status and a list of proofs. */

import type { Flags, Operand } from "../config/flags.ts";
import { variablesOf } from "../config/parse-config.ts";
import { parseFlagsAndOperand } from "../config/parse-flags.ts";
import { existingDatabase } from "../maintenance/database-file.ts";
import { FileThread, NotVerifiableError, type VerificationReport } from "../maintenance/file-tasks.ts";
import { auditNode, type NodeReport } from "../node-audit/node-audit.ts";
import type { OnProgress } from "../progress.ts";
import type { Command, Surroundings } from "./command.ts";
import { TOKEN_FILE_FLAG, tokenFrom } from "./credential.ts";
import { DATA_FLAG } from "./data-folder.ts";
import { ProgressBar } from "./progress-bar.ts";
import { columns, grouped, JSON_FLAG, type Result, resultText, secondsSince } from "./result.ts";

const FLAGS = { data: DATA_FLAG, tokenFile: TOKEN_FILE_FLAG, json: JSON_FLAG } as const satisfies Flags;

const WHAT = {
  placeholder: "FILE|URL",
  isRequired: false,
  help: "A database file, a data folder, or the address of a node; else the database in --data.",
} as const satisfies Operand;

export const verify: Command = {
  name: "verify",
  summary: "Proves that a file or a running node counts what it holds, or says where it does not.",
  flags: FLAGS,
  operand: WHAT,
  note: `The file of a running node is read at one point in time; its node is not held up, but its log grows meanwhile.
A file takes 17 to 34 bytes of memory for each id that is remembered, a node about the same for each event.
It exits with 1 on any difference.`,
  run: runVerify,
};

interface Verdict extends Result {
  readonly differenceCount: number;
  readonly first: string | undefined;
}

/** A file that nothing can be read from has no figures. */
type FileReport = Omit<VerificationReport, "figures"> & Partial<Pick<VerificationReport, "figures">>;

async function runVerify(args: readonly string[], { environment, files }: Surroundings): Promise<number> {
  const { flags, operand = flags.data } = parseFlagsAndOperand(FLAGS, WHAT, args, variablesOf(environment));
  const bar = ProgressBar.onTerminal(flags);
  const onProgress: OnProgress = (progress) => bar?.show(progress);
  let verdict: Verdict;
  try {
    verdict = /^https?:\/\//.test(operand)
      ? await verifyNode(operand.replace(/\/+$/, ""), tokenFrom(flags, environment), onProgress)
      : await verifyDatabase(existingDatabase(operand), files.fileWorker, onProgress);
  } finally {
    bar?.clear();
  }
  console.log(resultText(flags, verdict));
  const { differenceCount, first } = verdict;
  if (differenceCount === 0) return 0;
  const count =
    differenceCount === 1 ? "There is 1 difference" : `There are ${grouped(differenceCount)} differences`;
  console.error(`onefold: ${count} in ${operand}: ${first}`);
  return 1;
}

async function verifyDatabase(file: string, fileWorker: URL, onProgress: OnProgress): Promise<Verdict> {
  const startedAt = performance.now();
  using thread = new FileThread(fileWorker);
  let report: FileReport;
  try {
    report = await thread.verify(file, onProgress);
  } catch (error) {
    if (!(error instanceof NotVerifiableError)) throw error;
    report = { proofs: [], differences: [{ check: "file", detail: error.message }], differenceCount: 1 };
  }
  const { figures, proofs, differences, differenceCount } = report;
  const seconds = secondsSince(startedAt);
  const isRight = differenceCount === 0;
  const wrong = differences.map(({ check, detail }) => [check, detail] as const);
  return {
    differenceCount,
    first: differences[0]?.detail,
    members: {
      file,
      right: isRight,
      seconds,
      ...figures,
      proofs,
      differences,
      difference_count: differenceCount,
    },
    text: textOf(file, isRight, [
      [`proved in ${seconds} seconds:`, proofs.map(({ check, detail }) => [check, detail] as const)],
      [wrongTitle(differenceCount, wrong.length), wrong],
    ]),
  };
}

async function verifyNode(url: string, token: string | undefined, onProgress: OnProgress): Promise<Verdict> {
  const startedAt = performance.now();
  const report = await auditNode({ url, token }, onProgress);
  const { counters, events, topics, movedTopics, gap, differences, differenceCount } = report;
  const seconds = secondsSince(startedAt);
  const isRight = differenceCount === 0;
  const wrong = differences.map((detail) => ["node", detail] as const);
  // The node shows what the token covers and does not say what that is: nothing is known of the rest.
  const seen = token === undefined ? "" : ", of the topics that the token may see";
  return {
    differenceCount,
    first: differences[0],
    members: {
      ...{
        url,
        right: isRight,
        judged: token === undefined ? "all topics" : "the topics that the token may see",
        seconds,
        ...counters,
        events,
        topics,
        moved_topics: movedTopics,
        gap: gap ?? null,
      },
      ...{
        differences: differences.map((detail) => ({ check: "node", detail })),
        difference_count: differenceCount,
      },
    },
    text: textOf(url, isRight, [
      [`proved in ${seconds} seconds${seen}:`, isRight ? proofsOfNode(report) : []],
      [wrongTitle(differenceCount, wrong.length), wrong],
    ]),
  };
}

function proofsOfNode({
  counters,
  events,
  topics,
  movedTopics,
  gap,
}: NodeReport): (readonly [string, string])[] {
  const { received, unique_processed: unique, duplicate_dropped: duplicates } = counters;
  const rows = gap === undefined ? "one event for each that was counted" : "no more events than were counted";
  const moved = movedTopics === 0 ? "nothing arrived meanwhile" : `${movedTopics} counted on meanwhile`;
  return [
    ["events", `${events} in ascending order, no key twice`],
    [
      "counters",
      `received ${received} = unique ${unique} + duplicates ${duplicates}, in all and in each topic`,
    ],
    ["topics", `${rows} in each of ${topics}; ${moved}`],
    ...(gap === undefined
      ? []
      : [["gap", `retention has removed events from ${gap.from} to ${gap.to}`] as const]),
  ];
}

type Section = readonly [title: string, rows: readonly (readonly [string, string])[]];

function textOf(name: string, isRight: boolean, sections: readonly Section[]): string {
  const shown = sections.filter(([, rows]) => rows.length > 0);
  const verdict = `${name} is ${isRight ? "right" : "not right"}`;
  return [verdict, ...shown.map(([title, rows]) => `${title}\n${columns(rows)}`)].join("\n");
}

function wrongTitle(count: number, shown: number): string {
  return count > shown
    ? `${grouped(count)} differences, of which the first ${shown}:`
    : `${count} differences:`;
}
