/** The end of the conversation that is inside a child of the soak: what it is told, what it tells, how it fails. */

import type { FromChild, ToChild } from "./messages.ts";

export function tell(message: FromChild): void {
  process.send!(message);
}

/** Unwinds what was going on; the reason has been told. */
class Failure extends Error {}

/** Says why, and ends once that is on its way; the soak ends with it. */
export function fail(reason: string): never {
  endWith(reason);
  throw new Failure(reason);
}

export function listen(receive: (message: ToChild) => void): void {
  process.on("message", (message) => receive(message as ToChild));
  // Without a soak there is nobody to work for.
  process.on("disconnect", () => process.exit(1));
  process.on("unhandledRejection", endWithError);
  process.on("uncaughtException", endWithError);
}

function endWithError(error: unknown): void {
  if (!(error instanceof Failure)) endWith(error instanceof Error ? error.message : String(error));
}

function endWith(reason: string): void {
  process.send!({ type: "failed", reason } satisfies FromChild, undefined, undefined, () => process.exit(1));
}
