/** One descriptor that is kept back, so that a file can be read when connections have used up all others. */

import { closeSync, constants, openSync, readFile } from "node:fs";
import { promisify } from "node:util";

/** Always there, and nothing happens to it. */
const PLACEHOLDER = "/";

const readOpen = promisify(readFile);

export class SpareDescriptor {
  #spare = opened(PLACEHOLDER);

  /**
   * The text of a file, for when no other descriptor is left. It is opened while the thread does nothing else, because
   * the next connection takes whatever is free.
   * @throws as `open` and `read` do
   */
  async read(path: string): Promise<string> {
    if (this.#spare !== undefined) closeSync(this.#spare);
    this.#spare = undefined;
    let file: number | undefined;
    try {
      file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      return await readOpen(file, "utf8");
    } finally {
      if (file !== undefined) closeSync(file);
      this.keep();
    }
  }

  /** Takes one back, where another thread has been faster. */
  keep(): void {
    this.#spare ??= opened(PLACEHOLDER);
  }

  close(): void {
    if (this.#spare !== undefined) closeSync(this.#spare);
    this.#spare = undefined;
  }
}

/** The process, or the machine, has no descriptor left. */
export function isOutOfDescriptors(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "EMFILE" || code === "ENFILE";
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY);
  } catch {
    return undefined;
  }
}
