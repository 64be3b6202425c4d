/** Which file is meant by a data folder, or by what somebody gives for one. */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

export const DATABASE_FILE = "onefold.db";

export function databaseIn(folder: string): string {
  return join(folder, DATABASE_FILE);
}

/** @param path of a database file or of a data folder. @throws Error with one sentence */
export function existingDatabase(path: string): string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = isFolder ? databaseIn(path) : path;
  if (existsSync(file)) return file;
  throw new Error(isFolder ? `There is no ${DATABASE_FILE} in ${path}.` : `There is no file ${file}.`);
}
