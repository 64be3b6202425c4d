/** Files of NDJSON, made before anything is measured: so many different events, as they are or compressed. */

import { createWriteStream, statSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { EventText } from "../load/event-text.ts";

export const LINES_ENCODINGS = ["none", "gzip", "zstd"] as const;
export type LinesEncoding = (typeof LINES_ENCODINGS)[number];

export interface LinesFile {
  readonly path: string;
  readonly bytes: number;
}

/** Events that are written at one time. */
const EVENTS_PER_PART = 1_000;

const COMPRESS: Record<LinesEncoding, () => Transform> = {
  none: () => new PassThrough(),
  gzip: () => createGzip(),
  zstd: () => createZstdCompress(),
};

/** @param events a multiple of `EVENTS_PER_PART`. */
export async function writeLines(
  folder: string,
  encoding: LinesEncoding,
  events: number,
): Promise<LinesFile> {
  const path = join(folder, `events-${encoding}`);
  const text = new EventText(EVENTS_PER_PART, { head: "", tail: "\n", between: "\n" });
  let number = 0;
  const parts = function* (): Generator<Buffer> {
    // A copy: the text is written over for the next part.
    while (number < events) yield Buffer.from(text.write(() => number++));
  };
  await pipeline(Readable.from(parts()), COMPRESS[encoding](), createWriteStream(path));
  return { path, bytes: statSync(path).size };
}

/** The least multiple of a part that has so many bytes. */
export function eventsOf(bytes: number): number {
  const { byteLength } = new EventText(EVENTS_PER_PART, { head: "", tail: "\n", between: "\n" });
  return Math.ceil(bytes / byteLength) * EVENTS_PER_PART;
}
