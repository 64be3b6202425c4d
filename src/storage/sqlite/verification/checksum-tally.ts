/** Counts rows whose checksum is right, and names those where it is not. */

import type { Differences } from "./verification-report.ts";

export class ChecksumTally {
  right = 0;

  constructor(private readonly differences: Differences) {}

  /** @param name of the row, at the beginning of a sentence. */
  see(stored: number | null, computed: number, name: () => string): void {
    if (stored === computed) this.right++;
    else this.differences.add("checksums", `${name()} is not as it was written: its checksum differs.`);
  }
}
