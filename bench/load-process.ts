/** Runs a load generator in a process of its own: options go in as one argument, the result comes out as JSON. */

import { startChild } from "./leftovers.ts";

/** @throws Error when the generator fails; what it said went to stderr. */
export async function runLoad<Result>(command: readonly string[], options: unknown): Promise<Result> {
  const load = startChild([...command, JSON.stringify(options)]);
  const text = await load.stdout.text();
  if ((await load.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  return JSON.parse(text) as Result;
}
