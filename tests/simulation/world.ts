/** One simulated node, everybody who talks to it, and every way in which it can go down and come back. */

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FromLedger } from "../../src/ingest/ledger-messages.ts";
import type { PruneReport, Retention } from "../../src/storage/retention.ts";
import { Faults, kindOf } from "./faults.ts";
import { FileAudit } from "./file-audit.ts";
import { loseSectors, readLog } from "./log-damage.ts";
import { attempt, countersIn, Oracle } from "./oracle.ts";
import { Debts, ObservedLedger, type SimulatedChannel } from "./publishers.ts";
import type { Random } from "./random.ts";
import { ReaderAudit } from "./reader-audit.ts";
import { RESTART } from "./receipt.ts";
import { type PruneCall, RetentionOracle } from "./retention-oracle.ts";
import { type Lane, Scheduler } from "./scheduler.ts";
import { type NodeParts, SimulatedNode } from "./simulated-node.ts";
import { compareTickers, type SimulatedSubscriber, Timeline } from "./subscribers.ts";
import { tally } from "./tally.ts";
import type { Beginning } from "./templates.ts";
import type { Intent } from "./traffic.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

/** Memory where there is some: the simulation is about order and failure, not about the disk. */
export const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export const STARTED_AT = Date.UTC(2026, 0, 31);

/** Limits that differ from history to history. */
export interface WorldLimits {
  readonly topicsMax: number;
  readonly queuePublishesMax: number;
  readonly queueBytesMax: number;
  readonly socketsPerTurnMax: number;
  readonly hasStrongFingerprints: boolean;
  /** What the node begins with, and may be started with again. */
  readonly retentions: readonly Retention[];
  readonly pruneRowsMax: number;
}

/** Statements that commit of themselves, and those that copy the log, which is synced first. */
const SYNCS = ["INSERT OR REPLACE INTO meta", "PRAGMA wal_checkpoint"];

/** Where the process dies: around a statement that begins like this, after so many of its kind. */
export interface CrashPoint {
  readonly statement: string;
  readonly skip: number;
  readonly when: "before" | "after";
  /** The power goes as well: of what was written since the transaction began, only a part is on disk. */
  readonly isPowerCut: boolean;
}

export interface WorldOptions {
  readonly random: Random;
  readonly limits: WorldLimits;
  readonly parts: NodeParts;
  readonly beginning: Beginning;
}

export class World {
  readonly scheduler: Scheduler;
  readonly faults = new Faults();
  readonly timeline = new Timeline();
  readonly debts = new Debts();
  readonly oracle: Oracle;
  readonly subscribers: SimulatedSubscriber[] = [];
  channels: SimulatedChannel[] = [];
  /** What was ever sent with a key. */
  readonly keyed: Intent[] = [];
  node: SimulatedNode;
  ledger: ObservedLedger;
  readonly #options: WorldOptions;
  readonly #root = mkdtempSync(join(ROOT, "onefold-simulation-"));
  #generation = 0;
  #audit: FileAudit | undefined;
  #reader: ReaderAudit | undefined;
  #epochs = 0;
  #clockOffset = 0;
  #lastNow = 0;
  /** The folder from which the node starts again once the process is dead. */
  #image: string | undefined;
  #isUnusable = false;
  #isClosed = false;
  #retention: Retention;
  /** The log as it was synced last, while something stands behind it that is not. */
  #synced: Buffer | undefined;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { random, limits, beginning } = options;
    this.#retention = limits.retentions[0]!;
    this.faults.watch = (sql, when) => this.#watchSyncs(sql, when);
    this.scheduler = new Scheduler(random);
    this.oracle = new Oracle(beginning.model, {
      faults: this.faults,
      retention: new RetentionOracle(() => this.#retention),
      isSynced: () => this.#synced === undefined,
      topicsMax: limits.topicsMax,
      hasStrongFingerprints: limits.hasStrongFingerprints,
      lastNow: () => this.#lastNow,
      store: () => this.node.store,
      audit: () => (this.#audit ??= new FileAudit(this.node.path)),
      located: (key, candidates) =>
        this.reader().compareFind(key, this.oracle.model.findStored(key), candidates),
    });
    // Until the store is open there is nothing to tell, and no epoch.
    this.timeline.record("", 0, new Map(), 0);
    const path = this.#newFolder();
    if (beginning.file !== undefined) writeFileSync(path, beginning.file);
    [this.node, this.ledger] = this.#start(path);
  }

  /** Lets the node work: some tasks, or all there are. */
  run(tasks: number | "all"): void {
    if (tasks === "all") this.scheduler.settle();
    else this.scheduler.run(tasks);
    this.#buryTheDead();
  }

  pass(milliseconds: number): void {
    this.scheduler.pass(milliseconds);
    this.#buryTheDead();
  }

  /** The machine sleeps: time has passed, and timers fire late. */
  suspend(milliseconds: number): void {
    this.scheduler.now += milliseconds;
  }

  /** The wall clock jumps, as clocks do; the steady one does not. */
  moveWallClock(milliseconds: number): void {
    this.#clockOffset += milliseconds;
  }

  get limits(): WorldLimits {
    return this.#options.limits;
  }

  reader(): ReaderAudit {
    // A clock that leaps half of the time makes half of the scans run out of theirs.
    let clock = 0;
    const now = (): number => (clock += this.#options.random.pick([0, 0, 100]));
    return (this.#reader ??= new ReaderAudit(this.node.path, now));
  }

  /** The disk is full to the last page, or has room again. */
  setDiskFull(isFull: boolean): void {
    if (!this.oracle.isOpen) return;
    if (isFull) tally.count("faults", "a full disk");
    this.oracle.isDiskFull = isFull;
    const db = this.node.store.database;
    const [[pages]] = db.query("PRAGMA page_count").values() as [[number]];
    db.run(`PRAGMA max_page_count = ${isFull ? pages : 0xffff_fffe}`);
  }

  /** Drains, answers what it has taken, closes, and starts again on the same file. @param meanwhile while it drains. */
  restart(meanwhile: () => void = () => {}): void {
    const { client } = this.node;
    tally.count("crashes", RESTART);
    void client.drain();
    this.ledger.state = "draining";
    meanwhile();
    this.run("all");
    if (this.node.client !== client) return;
    const check = "everything taken is answered before the end";
    guaranteeSame(check, this.ledger.waiting, 0, "publishes without an answer after draining");
    guaranteeSame(check, client.waiting, 0, "publishes that the client waits for");
    this.#closeAudits();
    void client.close();
    meanwhile();
    this.run("all");
    if (this.node.client !== client) return;
    guarantee(check, this.#isClosed, () => "the store was not closed");
    this.#startAgain(this.node.path);
  }

  /** kill -9 between two tasks: the files as they are, and nothing else. */
  kill(): void {
    tally.count("crashes", "killed between two tasks");
    this.#takeImage();
    this.#buryTheDead();
  }

  /** The power goes between two tasks: only what is not synced may be gone. */
  losePower(): void {
    this.#takeImage();
    if (this.#synced !== undefined && loseSectors(this.#image!, this.#synced, this.#options.random))
      this.#tellLoss();
    tally.count("crashes", `power cut between two tasks${this.#synced ? ", with a step unsynced" : ""}`);
    this.#buryTheDead();
  }

  /** A thread throws where nothing catches it: the process says so and ends. */
  dieInThread(lane: Lane, skip: number): void {
    this.scheduler.dieIn(lane, skip, () => {
      tally.count("crashes", `a thread died in its ${lane}`);
      this.#takeImage();
    });
  }

  /** Dies around the next statement that comes to this point. */
  dieAt({ statement, skip, when, isPowerCut }: CrashPoint): void {
    let synced: Buffer | undefined;
    let left = skip;
    this.faults.onStatement = (sql, now) => {
      if (sql.startsWith("COMMIT") && now === "before") synced = this.#synced ?? readLog(this.node.path);
      if (!sql.startsWith(statement) || now !== when || left-- > 0) return;
      this.#takeImage();
      const where = `${when} ${kindOf(sql)}`;
      const before = sql.startsWith("COMMIT") ? synced : this.#synced;
      const isLost =
        isPowerCut && before !== undefined && loseSectors(this.#image!, before, this.#options.random);
      if (isLost) this.#tellLoss();
      tally.count("crashes", isLost ? `power cut ${where}` : `killed ${where}`);
    };
  }

  /** Takes back everything that was set up to fail. */
  heal(): void {
    this.faults.disarm();
    this.faults.onStatement = undefined;
    this.scheduler.hold();
    this.scheduler.dieIn("edge tasks", Number.POSITIVE_INFINITY, () => {});
    this.setDiskFull(false);
  }

  /** What must hold whatever has happened. */
  compareStanding(): void {
    compareTickers(
      this.subscribers.map(({ connection }) => connection),
      this.scheduler,
    );
    const { queuePublishesMax } = this.#options.limits;
    const { waiting } = this.ledger;
    const check = "what waits stays within its limits";
    guarantee(check, waiting <= Math.max(1, queuePublishesMax), () => `${waiting} publishes wait`);
  }

  compareFile(): void {
    if (this.oracle.isCertain) (this.#audit ??= new FileAudit(this.node.path)).compareAll(this.oracle.model);
  }

  close(): void {
    this.#closeAudits();
    this.node.store.close();
    rmSync(this.#root, { recursive: true, force: true });
  }

  #newFolder(): string {
    const folder = join(this.#root, String(++this.#generation));
    mkdirSync(folder);
    return join(folder, "onefold.db");
  }

  #start(path: string): [SimulatedNode, ObservedLedger] {
    const { parts, limits } = this.#options;
    const { queuePublishesMax, queueBytesMax, topicsMax, socketsPerTurnMax } = limits;
    const node = new SimulatedNode({
      path,
      parts,
      scheduler: this.scheduler,
      faults: this.faults,
      retention: this.#retention,
      watch: {
        prune: (call, step) => this.#prune(call, step),
        pruneRowsMax: limits.pruneRowsMax,
        lookUpFailed: () => this.oracle.lookUpFailed(),
      },
      queue: { queuePublishesMax, queueBytesMax },
      topicsMax,
      socketsPerTurnMax,
      now: () => (this.#lastNow = STARTED_AT + Math.floor(this.scheduler.now) + this.#clockOffset),
      newEpoch: () => `epoch-${++this.#epochs}`,
      posted: (message) => this.#posted(message),
      arrived: ({ kind }) => this.#edgeHears(kind),
      events: {
        opened: () => this.#boardChanged(),
        committed: () => this.#boardChanged(),
        answersKept: () => {},
        failed: () => {},
        healed: () => {},
        fault: () => {},
        unusable: () => {
          this.#isUnusable = true;
          this.scheduler.halt();
        },
      },
    });
    const ledger = new ObservedLedger(node.client, {
      queuePublishesMax,
      queueBytesMax,
      taken: (submission) => this.oracle.pending.push(submission),
      received: () => node.hub.board.totals.received,
    });
    return [node, ledger];
  }

  #posted(message: FromLedger): void {
    if (this.#image !== undefined) {
      this.oracle.lost(message);
      return;
    }
    if (message.kind === "closed") this.#isClosed = true;
    // The node catches what is thrown on its way, as it should.
    this.scheduler.guard(() => this.oracle.posted(message));
  }

  /** While it drains nothing changes that. */
  #edgeHears(kind: FromLedger["kind"]): void {
    if (this.ledger.state === "draining") return;
    if (kind === "opened") this.ledger.state = "ready";
    else if (kind === "failed") this.ledger.state = "failing";
  }

  /** The edge took in a message: its counters must be what the ledger committed. */
  #boardChanged(): void {
    const { board } = this.node.hub;
    const expected = this.oracle.boards.shift();
    const check = "counters in memory are those of the commits";
    guarantee(check, expected !== undefined, () => "they changed without a commit");
    const actual = Array.from({ length: board.topicCount }, (_, i) => {
      const topic = board.topic(i + 1);
      return [topic.name, countersIn(topic)];
    });
    guaranteeSame(check, actual, [...expected], "per topic");
    this.timeline.record(board.epoch, board.revision, expected, this.scheduler.now);
  }

  /** The log is one sequence: a commit that is synced covers all that was written before it. */
  #watchSyncs(sql: string, when: "before" | "after"): void {
    if (this.#image !== undefined) return;
    const isCommit = sql.startsWith("COMMIT");
    const isSync = isCommit ? this.faults.isSynced : SYNCS.some((begin) => sql.startsWith(begin));
    if (when === "after" && isSync) this.#synced = undefined;
    if (when === "before" && isCommit && !isSync) this.#synced ??= readLog(this.node.path);
  }

  #tellLoss(): void {
    this.oracle.retention.lostPower();
    // What is left of the log is what the next process finds.
    this.#synced = undefined;
  }

  /** A step of retention: what it did to the file is held against the rules, unless the process is dead. */
  #prune(call: PruneCall, step: () => PruneReport): PruneReport {
    if (this.#image !== undefined) return step();
    const result = attempt(step);
    if (this.#image !== undefined) this.oracle.retention.lost(call);
    else this.scheduler.guard(() => this.oracle.pruned(call, result));
    if (result.error !== undefined) throw result.error;
    return result.value!;
  }

  #takeImage(): void {
    if (this.#image !== undefined) return;
    this.faults.onStatement = undefined;
    const image = this.#newFolder();
    for (const suffix of ["", "-wal"])
      if (existsSync(this.node.path + suffix)) copyFileSync(this.node.path + suffix, image + suffix);
    this.#image = image;
    this.scheduler.halt();
  }

  /** A process that died, or could not open its store, is started again. */
  #buryTheDead(): void {
    if (this.#image === undefined && !this.#isUnusable) return;
    const path = this.#image ?? this.node.path;
    this.#image = undefined;
    this.#isUnusable = false;
    this.#startAgain(path);
  }

  #startAgain(path: string): void {
    for (const { connection } of this.subscribers) connection?.disconnect();
    for (const channel of this.channels) channel.disconnect();
    this.channels = [];
    this.scheduler.clear();
    this.oracle.died();
    this.#synced = undefined;
    const { random, limits } = this.#options;
    if (limits.retentions.length > 1 && random.chance(0.2)) this.#retention = random.pick(limits.retentions);
    this.#isClosed = false;
    this.#closeAudits();
    this.node.db?.close(true);
    if (path !== this.node.path) rmSync(join(this.node.path, ".."), { recursive: true, force: true });
    [this.node, this.ledger] = this.#start(path);
  }

  #closeAudits(): void {
    this.#audit?.close();
    this.#reader?.close();
    this.#audit = undefined;
    this.#reader = undefined;
  }
}
