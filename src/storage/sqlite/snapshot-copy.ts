/** Copies one consistent point of a file, also while a node writes to it: readers never wait for the writer, nor it for them. */

import { openForReading, readPragma } from "./database.ts";

const AUTO_VACUUM_NONE = 0;

/**
 * @param to must not exist. It is written but not synced.
 * @param onSize told how many bytes the copy is going to have, before it begins.
 */
export function copySnapshot(from: string, to: string, onSize: (bytes: number) => void): void {
  using db = openForReading(from);
  const pages = Number(readPragma(db, "page_count")) - Number(readPragma(db, "freelist_count"));
  onSize(pages * Number(readPragma(db, "page_size")));
  // A file of before there was retention becomes one that can be made smaller.
  if (readPragma(db, "auto_vacuum") === AUTO_VACUUM_NONE) db.run("PRAGMA auto_vacuum = INCREMENTAL");
  db.prepare("VACUUM INTO ?").run(to);
}
