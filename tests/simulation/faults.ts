/** A database whose statements fail when told to: before they run, or after they did all their work. */

import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import type { Random } from "./random.ts";
import { tally } from "./tally.ts";

export interface Fault {
  /** Which statement fails, by how its text begins; empty for any. */
  readonly statement: string;
  /** So many that match run untouched first. */
  readonly skip: number;
  readonly when: "before" | "after";
  readonly code: string;
}

export interface FiredFault {
  readonly sql: string;
  readonly code: string;
}

const SYNCHRONOUS = "PRAGMA synchronous = ";

const METHODS = ["run", "get", "all", "values"] as const;

export class Faults {
  /** Statements that failed since this was looked at. */
  #fired: FiredFault[] = [];
  /** Called around every statement: here a process can die in the middle of a commit. */
  onStatement: ((sql: string, when: "before" | "after") => void) | undefined;
  /** The same for who only looks: hears first what begins and last what has ended. */
  watch: ((sql: string, when: "before" | "after") => void) | undefined;
  /** Whether a commit would be synced now. */
  isSynced = true;
  #armed: (Fault & { left: number })[] = [];
  #opensThatFail = 0;

  arm(...faults: readonly Fault[]): void {
    this.#armed.push(...faults.map((fault) => ({ ...fault, left: fault.skip })));
  }

  /** The file cannot even be opened, so many times. */
  failToOpen(times: number): void {
    this.#opensThatFail = times;
  }

  /** To be called before the file is opened. */
  opening(): void {
    if (this.#opensThatFail <= 0) return;
    this.#opensThatFail--;
    this.#fail("open", "before", "SQLITE_CANTOPEN");
  }

  disarm(): void {
    this.#armed = [];
    this.#opensThatFail = 0;
  }

  takeFired(): FiredFault[] {
    const taken = this.#fired;
    this.#fired = [];
    return taken;
  }

  /** Puts the faults into every statement from now on. */
  attach(db: Database): Database {
    const prepare = db.prepare.bind(db) as (sql: string) => Statement;
    const run = db.run.bind(db);
    this.isSynced = true;
    return Object.assign(db, {
      prepare: (sql: string) => this.#attachTo(sql, prepare(sql)),
      run: (sql: string, ...values: SQLQueryBindings[][]) =>
        this.#around(sql, () => {
          const result = run(sql, ...values);
          if (sql.startsWith(SYNCHRONOUS)) this.isSynced = sql.endsWith("FULL");
          return result;
        }),
    });
  }

  #attachTo(sql: string, statement: Statement): Statement {
    for (const method of METHODS) {
      const original = statement[method].bind(statement) as (...args: SQLQueryBindings[]) => unknown;
      Object.assign(statement, {
        [method]: (...args: SQLQueryBindings[]) => this.#around(sql, () => original(...args)),
      });
    }
    return statement;
  }

  #around(sql: string, run: () => unknown): unknown {
    const text = sql.trimStart();
    this.watch?.(text, "before");
    this.onStatement?.(text, "before");
    this.#maybeFail(text, "before");
    const result = run();
    this.onStatement?.(text, "after");
    this.watch?.(text, "after");
    this.#maybeFail(text, "after");
    return result;
  }

  #maybeFail(sql: string, when: "before" | "after"): void {
    const fault = this.#armed.find((armed) => armed.when === when && sql.startsWith(armed.statement));
    if (fault === undefined || fault.left-- > 0) return;
    // A full disk is only ever reported before a commit is valid.
    if (fault.code === "SQLITE_FULL" && when === "after" && sql.startsWith("COMMIT")) return;
    this.#armed = this.#armed.filter((armed) => armed !== fault);
    this.#fail(sql, when, fault.code);
  }

  #fail(sql: string, when: "before" | "after", code: string): never {
    this.#fired.push({ sql, code });
    tally.count("faults", `${code} ${when} ${kindOf(sql)}`);
    throw Object.assign(new Error(`injected: ${code} ${when} ${sql.slice(0, 40)}`), { code });
  }
}

/** What a statement does, without the rest of its text. */
export function kindOf(sql: string): string {
  return /^(?:(?:INSERT INTO|DELETE FROM|UPDATE|CREATE TABLE|PRAGMA)\s+)?["`]?\w+/i.exec(sql)?.[0] ?? sql;
}

/** What a step of retention runs. */
export const PRUNE_STATEMENTS = [
  "DELETE FROM events",
  "DELETE FROM fingerprints",
  "UPDATE counters",
  "INSERT INTO fingerprints",
  "INSERT INTO meta",
  SYNCHRONOUS,
  "PRAGMA synchronous",
] as const;

const STATEMENTS = [
  "",
  "BEGIN",
  "INSERT INTO topics",
  "INSERT INTO events",
  "INSERT INTO fingerprints",
  "INSERT INTO counters",
  "INSERT INTO conflicts",
  "DELETE FROM conflicts",
  "SELECT",
  "PRAGMA wal_checkpoint",
  ...PRUNE_STATEMENTS,
] as const;

/** A commit that fails before or after it was synced; a full disk, which SQLite only reports before it is valid. */
export function commitFault(random: Random): Fault {
  const code = random.pick(["SQLITE_IOERR_FSYNC", "SQLITE_IOERR_WRITE", "SQLITE_FULL"]);
  const when = code === "SQLITE_FULL" ? "before" : random.pick(["before", "after"] as const);
  return { statement: "COMMIT", skip: 0, when, code };
}

/** An exception in any single statement. */
export function statementFault(random: Random): Fault {
  return {
    statement: random.pick(STATEMENTS),
    skip: random.below(4),
    when: random.pick(["before", "after"] as const),
    code: random.pick(["SQLITE_IOERR_WRITE", "SQLITE_IOERR_READ", "SQLITE_FULL", "SQLITE_NOMEM"]),
  };
}

/** A step of retention that fails at any of its statements. */
export function pruneFault(random: Random): Fault {
  const isCommit = random.chance(0.3);
  const fault = isCommit ? commitFault(random) : statementFault(random);
  return { ...fault, statement: isCommit ? "COMMIT" : random.pick(PRUNE_STATEMENTS) };
}

/** A rollback that fails as well: then the outcome is unknown. */
export const ROLLBACK_FAULT: Fault = { statement: "ROLLBACK", skip: 0, when: "before", code: "SQLITE_IOERR" };

/** Something that fails while the store is opened: its migrations, its recovery. */
export function openingFault(random: Random): Fault {
  return {
    statement: random.pick(["SELECT", "SELECT", "DELETE", "CREATE", "INSERT INTO meta"]),
    skip: random.below(10),
    when: random.pick(["before", "after"] as const),
    code: random.pick(["SQLITE_IOERR_READ", "SQLITE_CANTOPEN", "SQLITE_NOMEM", "SQLITE_BUSY"]),
  };
}
