/**
 * What a byte of a database file or its log belongs to: which table, and which field of a row.
 * The format: https://www.sqlite.org/fileformat2.html
 */

import { Database } from "bun:sqlite";

const PAGE_BYTES = 4_096;
const FILE_HEADER_BYTES = 100;
const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

const TABLE_LEAF = 0x0d;

interface PageOwner {
  readonly name: string;
  readonly pagetype: "internal" | "leaf" | "overflow";
}

export class Places {
  readonly #owners: ReadonlyMap<number, PageOwner>;
  readonly #columns = new Map<string, string[]>();

  /** @param path of a database that is whole. */
  constructor(path: string) {
    using db = new Database(path);
    this.#owners = new Map(
      db
        .prepare<PageOwner & { pageno: number }, []>("SELECT name, pagetype, pageno FROM dbstat")
        .all()
        .map((page) => [page.pageno, page]),
    );
    for (const { name } of this.#owners.values()) {
      const columns = db
        .prepare<{ name: string }, [string]>("SELECT name FROM pragma_table_info(?)")
        .all(name);
      this.#columns.set(
        name,
        columns.map((column) => column.name),
      );
    }
  }

  /** The table that a byte of the database file belongs to, and what of it. */
  inDatabase(file: Buffer, at: number): string {
    const page = Math.floor(at / PAGE_BYTES) + 1;
    if (at < FILE_HEADER_BYTES) return "file header";
    return this.#inPage(file.subarray((page - 1) * PAGE_BYTES, page * PAGE_BYTES), page, at % PAGE_BYTES);
  }

  inLog(log: Buffer, at: number): string {
    if (at < LOG_HEADER_BYTES) return "log header";
    const frameBytes = FRAME_HEADER_BYTES + PAGE_BYTES;
    const start = LOG_HEADER_BYTES + Math.floor((at - LOG_HEADER_BYTES) / frameBytes) * frameBytes;
    if (at - start < FRAME_HEADER_BYTES) return "frame header";
    const page = log.subarray(start + FRAME_HEADER_BYTES, start + frameBytes);
    return this.#inPage(page, log.readUInt32BE(start), at - start - FRAME_HEADER_BYTES);
  }

  #inPage(bytes: Buffer, page: number, at: number): string {
    const owner = this.#owners.get(page);
    if (owner === undefined) return "free page";
    const { name, pagetype } = owner;
    const header = page === 1 ? FILE_HEADER_BYTES : 0;
    if (pagetype !== "leaf" || bytes[header] !== TABLE_LEAF) return `${name}: ${pagetype} page`;
    return `${name}: ${this.#inLeaf(bytes, header, at, this.#columns.get(name)!)}`;
  }

  #inLeaf(page: Buffer, header: number, at: number, columns: readonly string[]): string {
    const cells = page.readUInt16BE(header + 3);
    const pointers = header + 8;
    if (at < pointers) return "page header";
    if (at < pointers + 2 * cells) return "cell pointer";
    for (let cell = 0; cell < cells; cell++) {
      const place = placeInCell(page, page.readUInt16BE(pointers + 2 * cell), at, columns);
      if (place !== undefined) return place;
    }
    return "unused";
  }
}

/** Undefined where the byte lies outside of the cell. */
function placeInCell(
  page: Buffer,
  start: number,
  at: number,
  columns: readonly string[],
): string | undefined {
  if (at < start) return undefined;
  const payload = varint(page, start);
  const rowid = varint(page, payload.end);
  if (at < payload.end) return "length of a row";
  if (at < rowid.end) return "row number";
  const head = varint(page, rowid.end);
  const body = rowid.end + head.value;
  if (at < body) return "types of a row";
  let end = body;
  for (let [type, column] = [head.end, 0]; type < body; column++) {
    const serial = varint(page, type);
    end += bytesOfType(serial.value);
    type = serial.end;
    if (at < Math.min(end, PAGE_BYTES))
      return end > PAGE_BYTES ? `${columns[column]} (long)` : `${columns[column]}`;
  }
  return undefined;
}

const NUMBER_BYTES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

/** Bytes of a value in the body of a record. */
function bytesOfType(serial: number): number {
  if (serial < 12) return NUMBER_BYTES[serial] ?? 0;
  return Math.floor((serial - 12) / 2);
}

function varint(page: Buffer, at: number): { value: number; end: number } {
  let value = 0;
  for (let end = at; ; end++) {
    const byte = page[end] ?? 0;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80 || end - at > 7) return { value, end: end + 1 };
  }
}
