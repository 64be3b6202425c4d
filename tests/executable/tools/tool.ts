/** Runs the commands for operators and reads what they print for programs. */

import { expect } from "bun:test";
import { runToExit } from "../../support/node-process.ts";

export interface Difference {
  readonly check: string;
  readonly detail: string;
}

export interface Verdict {
  readonly right: boolean;
  readonly seconds: number;
  readonly events: number;
  readonly pruned: number;
  readonly newest_seq: number;
  readonly received: number;
  readonly unique_processed: number;
  readonly duplicate_dropped: number;
  readonly conflicts: number;
  readonly remembered_ids: number;
  readonly outlived_ids: number;
  readonly moved_topics: number;
  readonly gap: { readonly from: number; readonly to: number } | null;
  readonly proofs: readonly Difference[];
  readonly differences: readonly Difference[];
  readonly difference_count: number;
}

/** Runs `onefold verify --json`, whose exit status and sentence must agree with what it says. */
export async function verdictOn(what: string): Promise<Verdict> {
  const { exitCode, stdout, stderr } = await runToExit(["verify", what, "--json"]);
  expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^\{[^\n]*\}\n$/), stderr });
  const verdict = JSON.parse(stdout) as Verdict;
  expect({ exitCode, isEmpty: stderr === "" }).toEqual({
    exitCode: verdict.right ? 0 : 1,
    isEmpty: verdict.right,
  });
  expect(verdict.right).toBe(verdict.difference_count === 0);
  expect(verdict.differences.length).toBe(Math.min(verdict.difference_count, 20));
  if (!verdict.right) expect(stderr).toMatch(/^onefold: There (?:is|are) [^\n]+\.\n$/);
  return verdict;
}

export async function expectRight(what: string): Promise<Verdict> {
  const verdict = await verdictOn(what);
  expect(verdict).toMatchObject({ right: true, differences: [] });
  return verdict;
}

/** Runs a command with `--json` that must succeed. */
export async function resultOf<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await runToExit([...args, "--json"]);
  expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: "" });
  expect(stdout.trimEnd()).not.toContain("\n");
  return JSON.parse(stdout) as T;
}

/** Runs a command that must fail with one sentence. */
export async function refusalOf(exitCode: number, ...args: string[]): Promise<string> {
  const exit = await runToExit(args);
  expect(exit).toEqual({ exitCode, stdout: "", stderr: expect.stringMatching(/^onefold: [^\n]+\n$/) });
  return exit.stderr.slice("onefold: ".length, -1);
}

export function eventsOf(count: number, prefix: string, topics = 3): object[] {
  return Array.from({ length: count }, (_, i) => ({
    topic: `topic-${i % topics}`,
    event_id: `${prefix}-${i}`,
    payload: { n: i, text: `payload of ${prefix}-${i}` },
  }));
}
