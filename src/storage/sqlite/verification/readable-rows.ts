/**
 * Reads a table row by row, past what cannot be read: pages that are damaged cost their rows and no others.
 *
 * What it gives ascends, whatever the file says: SQLite follows damaged keys back and forth, and reading on from one that
 * went back would never end.
 */

import type { Database } from "bun:sqlite";
import type { Check, Differences } from "./verification-report.ts";

export interface ReadableTable {
  /** A query with one parameter: rows whose key is greater than it, in the order of their keys. */
  readonly sql: string;
  /** What the rows are called in a difference. */
  readonly name: string;
  readonly check: Check;
  /** Beyond it no row is looked for. */
  readonly keyMax: number;
}

/** Keys that are skipped at first when a row cannot be read; twice as many each time that is not enough. */
const SKIPPED_MIN = 64;

/** Rows out of order, one after the other, after which the place is looked for anew: the next page may hold its own. */
const STRAYS_MAX = 1_024;

export function* readableRows<Row>(
  db: Database,
  { sql, name, check, keyMax }: ReadableTable,
  keyOf: (row: Row) => number,
  differences: Differences,
): Generator<Row, void> {
  const statement = db.prepare<Row, [number]>(sql);
  let after = 0;
  let skipped = SKIPPED_MIN;
  /** Where reading stopped last; undefined while it goes well. */
  let brokenAfter: number | undefined;
  const onStray = (key: number): void =>
    differences.add(check, `${name}: number ${key} stands where it does not belong.`);
  for (;;) {
    try {
      for (const row of ascending(statement.iterate(after), { after, keyOf, onStray })) {
        const key = keyOf(row);
        if (brokenAfter !== undefined) {
          differences.add(check, `${name} from ${brokenAfter + 1} to ${key - 1} cannot be read.`);
          brokenAfter = undefined;
          skipped = SKIPPED_MIN;
        }
        after = key;
        yield row;
      }
      if (brokenAfter !== undefined)
        differences.add(check, `${name} from ${brokenAfter + 1} on cannot be read.`);
      return;
    } catch (error) {
      brokenAfter ??= after;
      if (after >= keyMax) {
        differences.add(check, `${name} from ${brokenAfter + 1} on cannot be read (${reasonOf(error)}).`);
        return;
      }
      after += skipped;
      skipped *= 2;
    }
  }
}

interface Order<Row> {
  /** All keys are greater. */
  readonly after: number;
  readonly keyOf: (row: Row) => number;
  /** Told the key of a row that is left out. */
  readonly onStray: (key: number) => void;
}

/** The rows whose keys ascend. One row is held back: only the next one tells whether its key has been too great. */
function* ascending<Row>(rows: Iterable<Row>, { after, keyOf, onStray }: Order<Row>): Generator<Row, void> {
  let last = after;
  let held: Row | undefined;
  let strays = 0;
  try {
    for (const row of rows) {
      const key = keyOf(row);
      if (held !== undefined && key > keyOf(held)) {
        yield held;
        last = keyOf(held);
        held = row;
        strays = 0;
      } else if (held === undefined && key > last) held = row;
      else {
        const isHeldStray = held !== undefined && key > last;
        onStray(isHeldStray ? keyOf(held!) : key);
        if (isHeldStray) held = row;
        if (++strays === STRAYS_MAX) throw new Error("rows are out of order");
      }
    }
  } catch (error) {
    if (held !== undefined) yield held;
    throw error;
  }
  if (held !== undefined) yield held;
}

/** Why SQLite could not do something, in its own words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
