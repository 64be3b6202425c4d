/** The end of the conversation that is inside a child of the soak: what it is told, what it tells, how it fails. */

import type { FromChild, ToChild } from "./messages.ts";

export function tell(message: FromChild): void {
  process.send!(message);
}

/** Says why and ends; the soak ends with it. */
export function fail(reason: string): never {
  tell({ type: "failed", reason });
  process.exit(1);
}

export function listen(receive: (message: ToChild) => void): void {
  process.on("message", (message) => receive(message as ToChild));
  // Without a soak there is nobody to work for.
  process.on("disconnect", () => process.exit(1));
  process.on("unhandledRejection", (error) => fail(error instanceof Error ? error.message : String(error)));
  process.on("uncaughtException", (error) => fail(error.message));
}
