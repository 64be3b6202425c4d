/** The file of a unix socket: made with its mode, never over anything else, and removed only while it is still ours. */

import { linkSync, lstatSync, type Stats, unlinkSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";

/** What an address of the kernel has room for, with the zero at its end. */
const PATH_BYTES_MAX = 107;

/**
 * Makes way for a socket: removes one that nobody answers on, as a killed process leaves it.
 * @throws Error with one sentence where something else is, or somebody answers.
 */
export async function clearSocketPath(path: string): Promise<void> {
  // The file could be made, under a shorter name, but nobody could connect to it.
  if (Buffer.byteLength(path) > PATH_BYTES_MAX)
    throw new Error(`--unix-socket must be at most ${PATH_BYTES_MAX} bytes long.`);
  const found = statOf(path);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`What is at --unix-socket ${path} is no socket: it stays as it is.`);
  if (await isAnswered(path)) throw new Error(`Another process answers at --unix-socket ${path}.`);
  unlinkSync(path);
}

/** Only a refusal says that nobody is there: a socket that is full, or not for us, has somebody behind it. */
async function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const connection = createConnection({ path });
  connection.once("connect", () => resolve(true));
  connection.once("error", ({ code }: NodeJS.ErrnoException) => {
    resolve(code !== "ECONNREFUSED" && code !== "ENOENT");
  });
  try {
    return await promise;
  } finally {
    connection.destroy();
  }
}

export class SocketFile {
  readonly #made: Stats;

  /**
   * Has a server listen at the path. It listens under another name first: linking that one to the path never writes
   * over what somebody else has put there, and Bun, which deletes what it finds under the name it knows when a server
   * stops, finds nothing.
   * @param listen throws where it cannot listen at what it is given.
   * @throws Error with one sentence
   */
  constructor(
    readonly path: string,
    mode: number,
    listen: (path: string) => void,
  ) {
    const provisional = join(dirname(path), `.${crypto.randomUUID().slice(0, 8)}`);
    // The mode has to hold from the first moment, so it cannot be set afterwards.
    const umask = process.umask(~mode & 0o777);
    try {
      listen(provisional);
      this.#made = lstatSync(provisional);
      linkSync(provisional, path);
    } catch (error) {
      throw new Error(`--unix-socket ${path} cannot be listened on (${reasonOf(error)}).`, { cause: error });
    } finally {
      process.umask(umask);
      if (statOf(provisional) !== undefined) unlinkSync(provisional);
    }
  }

  /** Nothing happens where the path is somebody else's by now. */
  remove(): void {
    const found = statOf(this.path);
    if (found?.ino === this.#made.ino && found.dev === this.#made.dev) unlinkSync(this.path);
  }
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "its folder is not there";
  return code === "EACCES" ? "its folder may not be written to" : (code ?? String(error));
}
