/** Why a file cannot be used, in words for a sentence that names it already. */

import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";

/** @param mayEnterFolder given where that is known, or where nobody may wait for a disk. */
export function fileFault(
  path: string,
  error: unknown,
  mayEnterFolder: () => boolean = () => mayEnter(dirname(path)),
): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "it is not there";
    case "ENOTDIR":
      return "its folder is no folder";
    case "EISDIR":
      return "it is a folder";
    case "EACCES":
      return mayEnterFolder() ? "permission denied" : "its folder may not be entered";
    default:
      return message;
  }
}

function mayEnter(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
