/** One simulated node, everybody who talks to it, and every way in which it can go down and come back. */

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FromLedger } from "../../src/ingest/ledger-messages.ts";
import { Faults } from "./faults.ts";
import { FileAudit } from "./file-audit.ts";
import { countersIn, Oracle } from "./oracle.ts";
import { Debts, ObservedLedger, type SimulatedChannel } from "./publishers.ts";
import type { Random } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import { type NodeParts, SimulatedNode } from "./simulated-node.ts";
import { type SimulatedSubscriber, Timeline } from "./subscribers.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

/** Memory where there is some: the simulation is about order and failure, not about the disk. */
const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const STARTED_AT = Date.UTC(2026, 0, 31);

/** Limits that differ from history to history. */
export interface WorldLimits {
  readonly topicsMax: number;
  readonly queuePublishesMax: number;
  readonly socketsPerTurnMax: number;
  readonly hasStrongFingerprints: boolean;
}

/** Where in a commit the process dies. */
export interface CrashPoint {
  readonly statement: string;
  readonly when: "before" | "after";
  /** The power goes as well: of what was written since the transaction began, only a part is on disk. */
  readonly isTorn: boolean;
}

export class World {
  readonly scheduler: Scheduler;
  readonly faults = new Faults();
  readonly timeline = new Timeline();
  readonly debts = new Debts();
  readonly oracle: Oracle;
  readonly subscribers: SimulatedSubscriber[] = [];
  channels: SimulatedChannel[] = [];
  node: SimulatedNode;
  ledger: ObservedLedger;
  readonly #root = mkdtempSync(join(ROOT, "onefold-simulation-"));
  #generation = 0;
  #audit: FileAudit | undefined;
  #epochs = 0;
  #clockOffset = 0;
  #lastNow = 0;
  /** The folder from which the node starts again once the process is dead. */
  #image: string | undefined;
  #isUnusable = false;
  #isClosed = false;

  constructor(
    readonly random: Random,
    readonly limits: WorldLimits,
    private readonly parts: NodeParts,
  ) {
    this.scheduler = new Scheduler(random);
    this.oracle = new Oracle({
      faults: this.faults,
      topicsMax: limits.topicsMax,
      hasStrongFingerprints: limits.hasStrongFingerprints,
      lastNow: () => this.#lastNow,
      store: () => this.node.store,
      audit: () => (this.#audit ??= new FileAudit(this.node.path)),
    });
    // Until the store is open there is nothing to tell, and no epoch.
    this.timeline.record("", 0, new Map());
    [this.node, this.ledger] = this.#start(this.#newFolder());
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

  get isReady(): boolean {
    return this.node.client.isReady;
  }

  audit(): FileAudit {
    return (this.#audit ??= new FileAudit(this.node.path));
  }

  /** The disk is full to the last page, or has room again. */
  setDiskFull(isFull: boolean): void {
    if (!this.oracle.isOpen) return;
    this.oracle.isDiskFull = isFull;
    const db = this.node.store.database;
    const [[pages]] = db.query("PRAGMA page_count").values() as [[number]];
    db.run(`PRAGMA max_page_count = ${isFull ? pages : 0xffff_fffe}`);
  }

  /** Drains, answers what it has taken, closes, and starts again on the same file. */
  restart(): void {
    const { client } = this.node;
    void client.drain();
    this.run("all");
    if (this.node.client !== client) return;
    guaranteeSame(client.waiting, 0, "publishes without an answer after draining");
    this.#audit?.close();
    this.#audit = undefined;
    void client.close();
    this.run("all");
    if (this.node.client !== client) return;
    guarantee(this.#isClosed, () => "the store was not closed");
    this.#startAgain(this.node.path);
  }

  /** kill -9 between two tasks: the files as they are, and nothing else. */
  kill(): void {
    this.#takeImage();
    this.#buryTheDead();
  }

  /** Dies in the middle of the next transaction that comes to this point. */
  dieAt({ statement, when, isTorn }: CrashPoint): void {
    let before = 0;
    this.faults.onStatement = (sql, now) => {
      if (sql.startsWith("COMMIT") && now === "before") before = logBytes(this.node.path);
      if (!sql.startsWith(statement) || now !== when) return;
      this.#takeImage();
      const after = logBytes(this.#image!);
      if (isTorn && sql.startsWith("COMMIT") && after > before)
        truncateSync(`${this.#image}-wal`, this.random.between(before, after));
    };
  }

  /** Takes back everything that was set up to fail. */
  heal(): void {
    this.faults.disarm();
    this.faults.onStatement = undefined;
    this.setDiskFull(false);
  }

  close(): void {
    this.#audit?.close();
    this.node.store.close();
    rmSync(this.#root, { recursive: true, force: true });
  }

  #newFolder(): string {
    const folder = join(this.#root, String(++this.#generation));
    mkdirSync(folder);
    return join(folder, "onefold.db");
  }

  #start(path: string): [SimulatedNode, ObservedLedger] {
    const node = new SimulatedNode({
      path,
      parts: this.parts,
      scheduler: this.scheduler,
      faults: this.faults,
      queue: { queuePublishesMax: this.limits.queuePublishesMax, queueBytesMax: 100_000 },
      topicsMax: this.limits.topicsMax,
      socketsPerTurnMax: this.limits.socketsPerTurnMax,
      now: () => (this.#lastNow = STARTED_AT + Math.floor(this.scheduler.now) + this.#clockOffset),
      newEpoch: () => `epoch-${++this.#epochs}`,
      broadcast: (channel, text) => {
        for (const { connection } of this.subscribers) connection?.broadcast(channel, text);
      },
      posted: (message) => this.#posted(message),
      events: {
        opened: () => this.#boardChanged(),
        committed: () => this.#boardChanged(),
        failed: () => {},
        healed: () => {},
        fault: () => {},
        unusable: () => {
          this.#isUnusable = true;
          this.scheduler.halt();
        },
      },
    });
    const ledger = new ObservedLedger(node.client, (submission) => this.oracle.pending.push(submission));
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

  /** The edge took in a message: its counters must be what the ledger committed. */
  #boardChanged(): void {
    const { board } = this.node.hub;
    const expected = this.oracle.boards.shift();
    guarantee(expected !== undefined, () => "the counters changed without a commit");
    const actual = Array.from({ length: board.topicCount }, (_, i) => {
      const topic = board.topic(i + 1);
      return [topic.name, countersIn(topic)];
    });
    guaranteeSame(actual, [...expected], "the counters in memory");
    this.timeline.record(board.epoch, board.revision, expected);
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
    this.#isClosed = false;
    this.#audit?.close();
    this.#audit = undefined;
    this.node.db?.close(true);
    if (path !== this.node.path) rmSync(join(this.node.path, ".."), { recursive: true, force: true });
    [this.node, this.ledger] = this.#start(path);
  }
}

function logBytes(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}
