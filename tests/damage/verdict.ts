/** Starts a node on files that were damaged, and judges what it makes of them. */

import { COMMITS_TORN_MAX } from "../../src/storage/sqlite/log-tail.ts";
import { NodeProcess } from "../support/node-process.ts";
import { ALL_EVENTS, compare, serve } from "./served.ts";
import type { StoredData } from "./stored-data.ts";

/**
 * - `refused`: it did not start, and said why in one sentence.
 * - `harmless`: everything is served as it was stored.
 * - `answered 5xx`: some of it is refused, the rest is right.
 * - `latest gone`: no more than the latest commits of the log are lost, which cannot be told from a power cut.
 * - `earlier, said`: the commits of a damaged log end early, the rest is right, and a line of the node's log says so.
 * - `earlier, unsaid`: the same in silence.
 * - `wrong`: something is served that was never stored, or something that was stored is not.
 * - `died`: it ended, or never was ready, without a sentence.
 */
export const VERDICTS = [
  "refused",
  "harmless",
  "answered 5xx",
  "latest gone",
  "earlier, said",
  "earlier, unsaid",
  "wrong",
  "died",
] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Judgement {
  readonly verdict: Verdict;
  /** The sentence of a refusal, or the parts that are wrong. */
  readonly because: string;
}

const PARTS_NAMED_MAX = 3;

/** What a node says when commits that were synced are not in its log any more. */
const SAYS_SO = /^onefold: .*\bcommits?\b.*$/m;

export async function judge(dataFolder: string, stored: StoredData): Promise<Judgement> {
  await using node = NodeProcess.launch({ data: dataFolder });
  let exitCode: number | undefined;
  try {
    exitCode = await node.readyOrExited();
  } catch {
    return { verdict: "died", because: `it was never ready: ${node.output}` };
  }
  if (exitCode !== undefined) return judgeExit(exitCode, node.output);
  try {
    return await judgeServed(node, stored);
  } catch (error) {
    return { verdict: "died", because: `it ended while it was asked: ${error}\n${node.output}` };
  }
}

function judgeExit(exitCode: number, output: string): Judgement {
  const isOneSentence = /^onefold: [^\n]+\.\n$/.test(output) && !/\bat \S+ \(|bunfs|Error:/.test(output);
  return exitCode === 1 && isOneSentence
    ? { verdict: "refused", because: output.trim() }
    : { verdict: "died", because: `it ended with ${exitCode}: ${output}` };
}

async function judgeServed(node: NodeProcess, stored: StoredData): Promise<Judgement> {
  const served = await serve(node, stored);
  const { wrong, refused } = compare(served, stored.served);
  const because = (parts: readonly string[]): string => {
    const more = parts.length > PARTS_NAMED_MAX ? ` and ${parts.length - PARTS_NAMED_MAX} more` : "";
    return `${parts.slice(0, PARTS_NAMED_MAX).join(", ")}${more}`;
  };
  if (wrong.length + refused.length === 0) return { verdict: "harmless", because: "" };
  if (wrong.length === 0) return { verdict: "answered 5xx", because: because(refused) };
  const earlier = stored.earlier.slice(0, -1);
  const at = earlier.findIndex(({ stats }) => stats === served.get("/stats"));
  const events = earlier[at]?.events;
  if (events === undefined || !isBeginning(served.get(ALL_EVENTS), stored, events))
    return { verdict: "wrong", because: because(wrong) };
  return {
    verdict: verdictOfEarlier(node.output, earlier.length - at),
    because: `${events} of ${stored.events.length} events: ${node.output.trim().split("\n").at(0)}`,
  };
}

function verdictOfEarlier(output: string, commitsLost: number): Verdict {
  if (SAYS_SO.test(output)) return "earlier, said";
  return commitsLost <= COMMITS_TORN_MAX ? "latest gone" : "earlier, unsaid";
}

/** Whether a page is the first so many events as they were stored. */
function isBeginning(page: string | number | undefined, { served }: StoredData, events: number): boolean {
  const all = served.get(ALL_EVENTS);
  if (typeof page !== "string" || typeof all !== "string") return false;
  try {
    return Bun.deepEquals(JSON.parse(page), (JSON.parse(all) as unknown[]).slice(0, events));
  } catch {
    // A payload that is no JSON any more.
    return false;
  }
}
