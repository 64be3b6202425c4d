/** Writes text to a descriptor until all of it is out, however slowly the other end reads. */

import { write } from "node:fs";
import { promisify } from "node:util";

export const STANDARD_OUTPUT = 1;

/** Whoever read from the pipe has gone. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/** A pipe that another process has set to non-blocking is asked again after so long. */
const RETRY_MS = 5;

const writeSome = promisify(write);

/** @throws ReaderGone */
export async function writeWhole(descriptor: number, text: string): Promise<void> {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray((await writeSome(descriptor, rest)).bytesWritten);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EPIPE") throw new ReaderGone();
      if (code !== "EAGAIN") throw error;
      await Bun.sleep(RETRY_MS);
    }
  }
}
