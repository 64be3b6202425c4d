/**
 * The answers that are kept under the keys of requests: found by a digest, the oldest forgotten first.
 *
 * New ones are planned, written by the commit that stores the events they answer to, and counted when it has succeeded.
 */

import type { Database, Statement } from "bun:sqlite";
import { StoreError } from "../event-store.ts";
import {
  ANSWER_OVERHEAD_BYTES,
  type AnswerFigures,
  type AnswerLimits,
  type KeptAnswer,
  type KeyedAnswer,
  keptBytes,
  type RequestKey,
} from "../request-answers.ts";
import { answerChecksum, isIntact } from "./checksums.ts";
import { Transaction } from "./transaction.ts";

export interface AnswerRow {
  readonly digest: string;
  readonly fingerprint: string;
  readonly answer: string;
  readonly storedAt: number;
}

/** What a commit does to the table. */
export interface AnswerStep {
  readonly rows: readonly AnswerRow[];
  /** What they take. */
  readonly bytes: number;
  readonly forgotten: Forgotten;
}

/** The oldest answers, up to a row; `through` is 0 for none. */
interface Forgotten extends AnswerFigures {
  readonly through: number;
}

/** An answer by its age alone. */
interface Aged {
  readonly id: number;
  readonly storedAt: number;
  readonly bytes: number;
}

/** Rows of a read that looks for what is to be forgotten. */
const ROWS_PER_READ = 64;

/** Answers whose time is over that one step forgets. */
const FORGOTTEN_PER_STEP_MAX = 512;

/** Characters of a digest, 6 bits each. */
export const DIGEST_LENGTH = 22;

const ALL = `SELECT count(*) AS count, coalesce(sum(${ANSWER_OVERHEAD_BYTES} + octet_length(answer)), 0) AS bytes FROM request_keys`;

export class AnswerTable {
  readonly #limits: AnswerLimits;
  readonly #transaction: Transaction;
  readonly #find: Statement<AnswerRow & { checksum: number | null }, [string]>;
  readonly #oldest: Statement<Aged, [number]>;
  readonly #insert: Statement;
  readonly #delete: Statement;
  readonly #all: Statement<AnswerFigures, []>;
  #figures: AnswerFigures;
  /** Before this time none is to be forgotten for its age, in milliseconds since 1970. */
  #dueAt = 0;
  /** Whether an answer was found damaged: another may be put in its place, which no sum knows. */
  #isDamaged = false;

  constructor(db: Database, limits: AnswerLimits) {
    this.#limits = limits;
    this.#transaction = new Transaction(db);
    this.#find = db.prepare(
      "SELECT digest, fingerprint, answer, stored_at AS storedAt, checksum FROM request_keys WHERE digest = ?",
    );
    this.#oldest = db.prepare(
      `SELECT id, stored_at AS storedAt, ${ANSWER_OVERHEAD_BYTES} + octet_length(answer) AS bytes
       FROM request_keys WHERE id > ? ORDER BY id LIMIT ${ROWS_PER_READ}`,
    );
    this.#insert = db.prepare(
      "INSERT OR REPLACE INTO request_keys (digest, fingerprint, stored_at, answer, checksum) VALUES (?, ?, ?, ?, ?)",
    );
    this.#delete = db.prepare("DELETE FROM request_keys WHERE id <= ?");
    this.#all = db.prepare(ALL);
    this.#figures = this.#all.get()!;
  }

  get figures(): AnswerFigures {
    return this.#figures;
  }

  /** @throws StoreError */
  find(request: RequestKey): KeptAnswer | "damaged" | undefined {
    const row = this.#read(digestOf(request));
    if (row === null) return undefined;
    if (isIntact(row.checksum, answerChecksum(row))) return row;
    this.#isDamaged = true;
    return "damaged";
  }

  /** What keeping these means for the oldest. Nothing is changed until it has been written. */
  plan(answers: readonly KeyedAnswer[], storedAt: number): AnswerStep {
    const sizes = answers.map(({ answer }) => keptBytes(answer));
    let bytes = sizes.reduce((sum, size) => sum + size, 0);
    let first = 0;
    // Where those of one commit are too many, all that were there before go, and then the first of these.
    for (; bytes > this.#limits.bytesMax; first++) bytes -= sizes[first]!;
    const rows = answers
      .slice(first)
      .map(({ key, answer }) => ({ digest: digestOf(key), fingerprint: key.fingerprint, answer, storedAt }));
    const room = first > 0 ? 0 : this.#limits.bytesMax - bytes;
    const bytesOver = this.#figures.bytes - room;
    return { rows, bytes, forgotten: this.#oldestBeyond(bytesOver, storedAt) };
  }

  /** Runs in the transaction of the commit. */
  write({ rows, forgotten }: AnswerStep): void {
    if (forgotten.through > 0) this.#delete.run(forgotten.through);
    for (const row of rows) {
      const { digest, fingerprint, storedAt, answer } = row;
      this.#insert.run(digest, fingerprint, storedAt, answer, answerChecksum(row));
    }
  }

  /** The commit has succeeded. */
  follow({ rows, bytes, forgotten }: AnswerStep): void {
    const { count, bytes: before } = this.#figures;
    this.#figures = {
      count: count + rows.length - forgotten.count,
      bytes: before + bytes - forgotten.bytes,
    };
    if (!this.#isDamaged) return;
    this.#figures = this.#all.get()!;
    this.#isDamaged = false;
  }

  /** Forgets some of those whose time is over, in a transaction of its own. Whether there were any. @throws StoreError */
  forgetDue(now: number): boolean {
    const forgotten = this.#oldestBeyond(0, now);
    if (forgotten.through === 0) return false;
    this.#transaction.run(() => this.#delete.run(forgotten.through));
    this.follow({ rows: [], bytes: 0, forgotten });
    return true;
  }

  /** The oldest that go so that others have room, and those whose time is over. */
  #oldestBeyond(bytesOver: number, now: number): Forgotten {
    const forgotten = { count: 0, bytes: 0, through: 0 };
    if (this.#figures.count === 0 || (bytesOver <= 0 && now < this.#dueAt)) return forgotten;
    for (const { id, storedAt, bytes } of this.#byAge()) {
      const dueAt = storedAt + this.#limits.windowMs;
      const isOver = dueAt <= now && forgotten.count < FORGOTTEN_PER_STEP_MAX;
      if (forgotten.bytes >= bytesOver && !isOver) {
        // What is only planned may yet stay.
        if (forgotten.count === 0) this.#dueAt = dueAt;
        break;
      }
      forgotten.count++;
      forgotten.bytes += bytes;
      forgotten.through = id;
    }
    return forgotten;
  }

  *#byAge(): Generator<Aged, void> {
    for (let after = 0; ; ) {
      const rows = this.#oldest.all(after);
      yield* rows;
      if (rows.length < ROWS_PER_READ) return;
      after = rows.at(-1)!.id;
    }
  }

  #read(digest: string) {
    try {
      return this.#find.get(digest);
    } catch (error) {
      throw new StoreError("refused", "The answers that are kept cannot be read.", error);
    }
  }
}

/** Whose key it is, and which: no two pairs are written as one text. */
function digestOf({ subject, key }: RequestKey): string {
  const hasher = new Bun.CryptoHasher("sha256");
  return hasher
    .update(JSON.stringify([subject, key]))
    .digest("base64url")
    .slice(0, DIGEST_LENGTH);
}
