/** Reads a table row by row, past what cannot be read: pages that are damaged cost their rows and no others. */

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
  for (;;) {
    try {
      for (const row of statement.iterate(after)) {
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

/** Why SQLite could not do something, in its own words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
