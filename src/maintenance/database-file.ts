/** Which file is meant by a data folder, or by what somebody gives for one. */

import { type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { fileFault } from "../access/file-fault.ts";

export const DATABASE_FILE = "onefold.db";

export function databaseIn(folder: string): string {
  return join(folder, DATABASE_FILE);
}

/** @param path of a database file or of a data folder. @throws Error with one sentence */
export function existingDatabase(path: string): string {
  const isFolder = found(path)?.isDirectory() === true;
  const file = isFolder ? databaseIn(path) : path;
  if (found(file) !== undefined) return file;
  throw new Error(isFolder ? `There is no ${DATABASE_FILE} in ${path}.` : `There is no file ${file}.`);
}

/** @throws Error with one sentence where nobody can say whether it is there. */
function found(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new Error(`${path} cannot be read (${fileFault(path, error)}).`, { cause: error });
  }
}
