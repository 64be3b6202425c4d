/**
 * A copy of a live database that is kept as Litestream keeps one: the file once, and then every committed page of the
 * write-ahead log, which must not begin again before it has been copied. The log's format: sqlite.org/fileformat2.html.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClientName, SqliteClient } from "./sqlite-client.ts";

const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const PAGE_BYTES = 4_096;

export type CheckpointMode = "PASSIVE" | "RESTART" | "TRUNCATE";

export class WalReplica implements AsyncDisposable {
  /** Pages that were taken from the log. */
  framesCopied = 0;
  readonly #folder: string;
  /** Holds a read transaction, so that nobody lets the log begin again. */
  readonly #reader: SqliteClient;
  readonly #writer: SqliteClient;
  readonly #checkpointer: SqliteClient;
  #pages = new Map<number, Buffer>();
  #pageCount = 0;
  /** Goes up by one whenever the log begins again. */
  #salt = 0;
  #frames = 0;

  private constructor(name: ClientName, dataFolder: string) {
    this.#folder = dataFolder;
    this.#reader = new SqliteClient(name, dataFolder);
    this.#writer = new SqliteClient(name, dataFolder);
    this.#checkpointer = new SqliteClient(name, dataFolder);
  }

  static async of(name: ClientName, dataFolder: string): Promise<WalReplica> {
    const replica = new WalReplica(name, dataFolder);
    for (const client of [replica.#reader, replica.#writer, replica.#checkpointer]) {
      await client.run("PRAGMA busy_timeout = 1000");
      await client.run("PRAGMA wal_autocheckpoint = 0");
    }
    await replica.#writer.run(
      "CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)",
    );
    await replica.#writer.run("CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER)");
    await replica.#writer.run("BEGIN IMMEDIATE");
    await replica.#bump();
    await replica.#writer.run("COMMIT");
    await replica.#beginReading();
    await replica.#whileNobodyWrites(() => replica.#snapshot());
    return replica;
  }

  /** Copies what is new in the log. */
  copy(): Promise<void> {
    return this.#whileNobodyWrites(() => this.#copyFrames());
  }

  /** Copies what is new, lets go of the log, checkpoints, and holds on to it again. */
  async checkpoint(mode: CheckpointMode): Promise<void> {
    if (mode === "PASSIVE") {
      await this.#writer.run("BEGIN IMMEDIATE");
      this.#copyFrames();
      await this.#reader.run("ROLLBACK");
      await this.#checkpointer.run("PRAGMA wal_checkpoint(PASSIVE)");
      await this.#bump();
      await this.#writer.run("COMMIT");
    } else {
      // These wait for the write lock themselves: what is committed until they have it is copied from the file.
      await this.#reader.run("ROLLBACK");
      await this.#checkpointer.run(`PRAGMA wal_checkpoint(${mode})`);
      await this.#writer.run("BEGIN IMMEDIATE");
      await this.#bump();
      await this.#writer.run("COMMIT");
    }
    await this.#beginReading();
    await this.#whileNobodyWrites(() => (mode === "PASSIVE" ? this.#copyFrames() : this.#snapshot()));
  }

  /** Writes the database as far as it was copied. */
  restore(path: string): void {
    const file = Buffer.alloc(this.#pageCount * PAGE_BYTES);
    for (const [number, page] of this.#pages)
      if (number <= this.#pageCount) page.copy(file, (number - 1) * PAGE_BYTES);
    writeFileSync(path, file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [this.#reader, this.#writer, this.#checkpointer])
      await client[Symbol.asyncDispose]();
  }

  async #whileNobodyWrites(task: () => void): Promise<void> {
    await this.#writer.run("BEGIN IMMEDIATE");
    task();
    await this.#writer.run("ROLLBACK");
  }

  #bump(): Promise<unknown> {
    return this.#writer.run(
      "INSERT INTO _litestream_seq (id, seq) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET seq = seq + 1",
    );
  }

  async #beginReading(): Promise<void> {
    await this.#reader.run("BEGIN");
    await this.#reader.run("SELECT count(1) FROM _litestream_seq");
  }

  /** The file, and what the log has beyond it. */
  #snapshot(): void {
    const file = readFileSync(join(this.#folder, "onefold.db"));
    this.#pages = new Map();
    for (let at = 0; at < file.length; at += PAGE_BYTES)
      this.#pages.set(at / PAGE_BYTES + 1, file.subarray(at, at + PAGE_BYTES));
    this.#pageCount = file.length / PAGE_BYTES;
    this.#frames = 0;
    this.#salt = this.#readLog().readUInt32BE(16);
    this.#copyFrames();
  }

  #readLog(): Buffer {
    return readFileSync(join(this.#folder, "onefold.db-wal"));
  }

  #copyFrames(): void {
    const log = this.#readLog();
    const salt = log.readUInt32BE(16);
    if (salt !== this.#salt) {
      const restarts = (salt - this.#salt) >>> 0;
      if (restarts > 1) throw new Error(`The log began again ${restarts} times before it was copied.`);
      this.#salt = salt;
      this.#frames = 0;
    }
    const salts = log.subarray(16, 24);
    const frameAt = (frame: number): number => LOG_HEADER_BYTES + frame * (FRAME_HEADER_BYTES + PAGE_BYTES);
    for (; frameAt(this.#frames + 1) <= log.length; this.#frames++) {
      const at = frameAt(this.#frames);
      // Behind the newest frame lie older ones, of the log before it began again.
      if (!log.subarray(at + 8, at + 16).equals(salts)) break;
      const page = at + FRAME_HEADER_BYTES;
      this.#pages.set(log.readUInt32BE(at), Buffer.from(log.subarray(page, page + PAGE_BYTES)));
      const pageCountAfterCommit = log.readUInt32BE(at + 4);
      if (pageCountAfterCommit > 0) this.#pageCount = pageCountAfterCommit;
      this.framesCopied++;
    }
  }
}
