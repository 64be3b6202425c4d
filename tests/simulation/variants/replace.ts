/** Ways to break a node: a method, or what a statement does, is replaced for the time of one history. */

import type { Database, SQLQueryBindings } from "bun:sqlite";
import type { NodeParts } from "../simulated-node.ts";

export interface BrokenVariant {
  readonly name: string;
  /** Made anew for each history, so that a seed catches it every time. */
  readonly parts?: () => Partial<NodeParts>;
  /** Breaks a class for as long as a history takes; returns what puts it right again. */
  readonly install?: () => () => void;
  /** What is broken shows only in a large file. */
  readonly isLarge?: true;
  /** The same, only where the node has rules of retention. */
  readonly hasRetention?: true;
}

/** Replaces one method of a class. */
export function replace<T, K extends keyof T>(
  prototype: T,
  method: K,
  make: (real: T[K]) => T[K],
): () => void {
  const real = prototype[method];
  prototype[method] = make(real);
  return () => {
    prototype[method] = real;
  };
}

type Run = (...args: SQLQueryBindings[]) => unknown;

/** Replaces what one kind of statement does when it is run. */
export function replaceRun(db: Database, statement: string, make: (real: Run) => Run): Database {
  const prepare = db.prepare.bind(db) as Database["prepare"];
  return Object.assign(db, {
    prepare: (sql: string) => {
      const prepared = prepare(sql);
      if (!sql.trimStart().startsWith(statement)) return prepared;
      return Object.assign(prepared, { run: make(prepared.run.bind(prepared)) });
    },
  });
}

/** The same for what a statement reads. */
export function replaceAll(
  db: Database,
  statement: string,
  make: (rows: unknown[], args: readonly SQLQueryBindings[]) => unknown[],
): Database {
  const prepare = db.prepare.bind(db) as Database["prepare"];
  return Object.assign(db, {
    prepare: (sql: string) => {
      const prepared = prepare(sql);
      if (!sql.trimStart().startsWith(statement)) return prepared;
      const all = prepared.all.bind(prepared) as (...args: SQLQueryBindings[]) => unknown[];
      return Object.assign(prepared, { all: (...args: SQLQueryBindings[]) => make(all(...args), args) });
    },
  });
}

/** Only the database is another one. */
export function withDatabase(wrapDatabase: NodeParts["wrapDatabase"]): Pick<BrokenVariant, "parts"> {
  return { parts: () => ({ wrapDatabase }) };
}
