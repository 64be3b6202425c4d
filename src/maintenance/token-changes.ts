/** Changes the file of the tokens: one command at a time, and whole or not at all, whatever ends the command meanwhile. */

import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileFault } from "../access/file-fault.ts";
import { parseTokenFile, type StoredToken, TOKEN_FILE, tokenFileText } from "../access/token-file.ts";
import { TOKEN_USE_FILE, usedIn } from "../access/token-use.ts";
import { acquireOwnerLock, LockNotWritableError } from "../storage/sqlite/owner-lock.ts";
import { asFolderOwner, makeFolder, UnsafeFolderError } from "./folder-owner.ts";

/** Other commands hold the lock for as long as a sync takes. */
const LOCK_WAIT_MS = 30_000;

const FILE_MODE = 0o600;

/** Where a file is made before it gets its name; what a killed command has left there is made anew. */
const UNFINISHED_SUFFIX = ".new";

/** The tokens in a data folder; none where there is no file. @throws Error with one sentence */
export function readTokens(folder: string): StoredToken[] {
  const path = join(folder, TOKEN_FILE);
  let text: string;
  try {
    text = asFolderOwner(folder, () => readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw new Error(`The token file ${path} cannot be read (${fileFault(path, error)}).`, { cause: error });
  }
  return parseTokenFile(path, text);
}

/** Whether tokens were ever made for the node of a data folder. */
export function hasTokenFile(folder: string): boolean {
  return existsSync(join(folder, TOKEN_FILE));
}

/** When each token was used last, as far as a node has written it down: by id, in milliseconds since 1970. */
export function readTokenUses(folder: string): ReadonlyMap<string, number> {
  try {
    return usedIn(asFolderOwner(folder, () => readFileSync(join(folder, TOKEN_USE_FILE), "utf8")));
  } catch {
    return new Map();
  }
}

/**
 * Makes the data folder where it is missing. Root does all of it as the owner of the folder: without the right to read
 * the file their node would not start again, and what is given to them by name could be any file of the machine.
 * @param change gets the tokens as they are and gives them as they shall be, with what it has to say; it may throw.
 * @throws Error with one sentence; then the file is as it was
 */
export function changeTokens<T>(
  folder: string,
  change: (tokens: readonly StoredToken[]) => { readonly tokens: readonly StoredToken[]; readonly result: T },
): T {
  const path = join(folder, TOKEN_FILE);
  changeable(path, () => makeFolder(folder));
  return asFolderOwner(folder, () => {
    // A lock of its own: a node holds that of the database while it runs.
    const lock = changeable(path, () => acquireOwnerLock(path, { waitMs: LOCK_WAIT_MS }));
    try {
      const { tokens, result } = change(readTokens(folder));
      const text = tokenFileText(tokens);
      // What a start would refuse is not written.
      parseTokenFile(path, text);
      writeWhole(path, text);
      return result;
    } finally {
      lock.release();
    }
  });
}

/** @throws Error with one sentence */
function changeable<T>(path: string, prepare: () => T): T {
  try {
    return prepare();
  } catch (error) {
    if (error instanceof LockNotWritableError || error instanceof UnsafeFolderError) throw error;
    throw new Error(`The token file ${path} cannot be changed (${fileFault(path, error)}).`, {
      cause: error,
    });
  }
}

function writeWhole(path: string, text: string): void {
  const unfinished = `${path}${UNFINISHED_SUFFIX}`;
  try {
    rmSync(unfinished, { force: true });
    const file = openSync(unfinished, "wx", FILE_MODE);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, path);
    syncFolder(join(path, ".."));
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw new Error(`The token file ${path} cannot be written (${fileFault(path, error)}).`, {
      cause: error,
    });
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
