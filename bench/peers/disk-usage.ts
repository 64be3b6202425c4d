/** What a folder takes up on disk. */

import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The unit of `st_blocks`, whatever the file system's own. */
const BLOCK_BYTES = 512;

/** Blocks that are allotted to files in it: a file may be longer (sparse) or shorter (allotted ahead). */
export function diskBytesOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += diskBytesOf(path);
    // A server may remove a file while its folder is read.
    else bytes += (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * BLOCK_BYTES;
  }
  return bytes;
}
