/** Programs that run as a user without rights, which only root can start. */

import { chmodSync, copyFileSync } from "node:fs";
import { executable } from "./node-process.ts";
import { find, isMissing } from "./prerequisites.ts";
import type { TempFolder } from "./temp-folder.ts";

/** `nobody`, who may do nothing that is not allowed: root may do everything. */
export const NOBODY = 65_534;

export function lacksAnotherUser(): boolean {
  if (isMissing("setpriv")) return true;
  if (process.getuid?.() === 0) return false;
  console.error("!!! TESTS SKIPPED: only root may run a program as another user.");
  return true;
}

/** What stands before a command that nobody is to run. */
export function asNobody(): string[] {
  return [find("setpriv")!, `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
}

/** Lets others enter the folder, and puts the executable there, where they may run it. @returns its path */
export function openToOthers(folder: TempFolder): string {
  chmodSync(folder.path, 0o755);
  const path = folder.file("onefold");
  copyFileSync(executable(), path);
  chmodSync(path, 0o755);
  return path;
}
