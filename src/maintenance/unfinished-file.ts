/** A file that gets its name when it is whole and synced, and is gone when that does not come to pass, Ctrl-C included. */

import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";

/** Shells tell by a status beyond 128 which signal has ended a program. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** What SQLite may have beside a file it writes. */
const SUFFIXES = ["", "-journal", "-wal", "-shm"];

/** For the owner alone. */
const FILE_MODE = 0o600;

export class UnfinishedFile implements Disposable {
  /** Where to write. */
  readonly path: string;
  readonly #handlers: readonly [NodeJS.Signals, () => void][];

  /** @throws Error with one sentence where the file is there already, or cannot be */
  constructor(private readonly target: string) {
    this.path = `${target}.partial-${process.pid}`;
    this.#refuseExisting();
    if (statSync(dirname(target), { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new Error(`There is no folder ${dirname(target)} to write to.`);
    this.#handlers = Object.entries(SIGNALS).map(([name, status]) => [
      name as NodeJS.Signals,
      () => {
        this.#remove();
        process.exit(status);
      },
    ]);
    for (const [name, handler] of this.#handlers) process.on(name, handler);
  }

  /** Syncs it and gives it its name. @throws Error where that has been taken meanwhile */
  finish(): void {
    keepForOwner(this.path);
    try {
      // Unlike a rename, a link never replaces a file that somebody else has made meanwhile.
      linkSync(this.path, this.target);
    } catch (error) {
      this.#refuseExisting();
      if (!isWithoutLinks(error)) throw error;
      renameSync(this.path, this.target);
    }
    this.#remove();
    withOpen(dirname(this.target), constants.O_RDONLY, fsyncSync);
  }

  [Symbol.dispose](): void {
    this.#remove();
    for (const [name, handler] of this.#handlers) process.off(name, handler);
  }

  #refuseExisting(): void {
    if (existsSync(this.target)) throw new Error(`${this.target} is there already, and is not overwritten.`);
  }

  #remove(): void {
    for (const suffix of SUFFIXES) rmSync(`${this.path}${suffix}`, { force: true });
  }
}

/** File systems without hard links say so in different ways. */
function isWithoutLinks(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "EPERM" || code === "ENOTSUP" || code === "EOPNOTSUPP" || code === "ENOSYS";
}

/**
 * Events and tokens are for their owner, until that says otherwise. Never through a link: where somebody else owns the
 * folder, it could lead to any file of ours.
 */
function keepForOwner(path: string): void {
  withOpen(path, constants.O_RDWR | constants.O_NOFOLLOW, (file) => {
    if (fstatSync(file).nlink !== 1) throw new Error(`${path} is not the file that was made there.`);
    fchmodSync(file, FILE_MODE);
    fsyncSync(file);
  });
}

function withOpen(path: string, flags: number, run: (file: number) => void): void {
  const file = openSync(path, flags);
  try {
    run(file);
  } finally {
    closeSync(file);
  }
}
