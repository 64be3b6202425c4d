/** Damages the pages of a table in ways that SQLite reads past without a word. The file has no log and nobody has it open. */

import { Database } from "bun:sqlite";
import { readFileSync, writeFileSync } from "node:fs";
import { readPragma } from "../../../src/storage/sqlite/database.ts";

/** The first byte of a page, and how long the header is that follows. https://www.sqlite.org/fileformat2.html#b_tree_pages */
const INTERIOR = { type: 5, headerBytes: 12 };
const LEAF = { type: 13, headerBytes: 8 };

interface Leaf {
  /** Where the page begins in the file. */
  readonly at: number;
  readonly cells: readonly Cell[];
}

interface Cell {
  readonly rowid: number;
  /** Where in the file the rowid stands. */
  readonly rowidAt: number;
  readonly rowidBytes: number;
  /** Where in the file the page says where the cell is. */
  readonly pointerAt: number;
}

export class TablePages {
  readonly #path: string;
  readonly #bytes: Buffer;
  readonly #pageBytes: number;
  readonly #leaves: readonly Leaf[];

  constructor(path: string, table: string) {
    using db = new Database(path, { readonly: true });
    const sql = "SELECT rootpage AS page FROM sqlite_schema WHERE type = 'table' AND name = ?";
    const { page } = db.prepare<{ page: number }, [string]>(sql).get(table)!;
    this.#path = path;
    this.#pageBytes = Number(readPragma(db, "page_size"));
    this.#bytes = readFileSync(path);
    this.#leaves = [...this.#leavesUnder(page)];
  }

  /** The rows of each page, in their order. */
  get rowids(): readonly (readonly number[])[] {
    return this.#leaves.map(({ cells }) => cells.map(({ rowid }) => rowid));
  }

  /** A row gets another number and keeps its place. @param to takes as many bytes, or fewer. */
  renumber(rowid: number, to: number): void {
    const { rowidAt, rowidBytes } = this.#cellOf(rowid);
    for (let i = 0, rest = to; i < rowidBytes; i++, rest = Math.floor(rest / 128))
      this.#bytes[rowidAt + rowidBytes - 1 - i] = (rest % 128) + (i === 0 ? 0 : 128);
    this.#write();
  }

  /** A row is found in the place of another of its page as well, which is not found any more. */
  repeat(rowid: number, inPlaceOf: number): void {
    const [from, to] = [this.#cellOf(rowid).pointerAt, this.#cellOf(inPlaceOf).pointerAt];
    this.#bytes.copyWithin(to, from, from + 2);
    this.#write();
  }

  /** SQLite says "malformed" when it comes to the page of this row. */
  breakPageOf(rowid: number): void {
    this.#bytes[this.#leaves.find(({ cells }) => cells.some((cell) => cell.rowid === rowid))!.at] = 0;
    this.#write();
  }

  #write(): void {
    writeFileSync(this.#path, this.#bytes);
  }

  #cellOf(rowid: number): Cell {
    return this.#leaves.flatMap(({ cells }) => cells).find((cell) => cell.rowid === rowid)!;
  }

  *#leavesUnder(page: number): Generator<Leaf> {
    const at = (page - 1) * this.#pageBytes;
    const bytes = this.#bytes;
    const count = bytes.readUInt16BE(at + 3);
    if (bytes[at] === LEAF.type) {
      yield { at, cells: Array.from({ length: count }, (_, i) => this.#cell(at, i)) };
      return;
    }
    for (let i = 0; i < count; i++) {
      const cell = at + bytes.readUInt16BE(at + INTERIOR.headerBytes + i * 2);
      yield* this.#leavesUnder(bytes.readUInt32BE(cell));
    }
    yield* this.#leavesUnder(bytes.readUInt32BE(at + 8));
  }

  /** A cell begins with the size of the row and the rowid, seven bits a byte, the last of which is below 128. */
  #cell(at: number, i: number): Cell {
    const pointerAt = at + LEAF.headerBytes + i * 2;
    let rowidAt = at + this.#bytes.readUInt16BE(pointerAt);
    while (this.#bytes[rowidAt]! >= 128) rowidAt++;
    rowidAt++;
    let rowid = 0;
    let rowidBytes = 1;
    for (; this.#bytes[rowidAt + rowidBytes - 1]! >= 128; rowidBytes++)
      rowid = rowid * 128 + this.#bytes[rowidAt + rowidBytes - 1]! - 128;
    rowid = rowid * 128 + this.#bytes[rowidAt + rowidBytes - 1]!;
    return { rowid, rowidAt, rowidBytes, pointerAt };
  }
}
