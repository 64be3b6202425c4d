/** The process that times the stages: the node's own parts, run one after the other on one thread. */

import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import { join } from "node:path";
import { ANYONE } from "../../src/access/grant.ts";
import { decodePublish } from "../../src/events/decode-publish.ts";
import { FINGERPRINT_KEY_BYTES, FINGERPRINT_WORDS, Fingerprinter } from "../../src/events/fingerprint.ts";
import { GroupCommit } from "../../src/ingest/group-commit.ts";
import {
  commitOutcomesOf,
  outcomesMessage,
  PublishBatch,
  publishesOf,
} from "../../src/ingest/ledger-messages.ts";
import type { Publish } from "../../src/ingest/publish.ts";
import { frameAnswer } from "../../src/server/answers.ts";
import type { EventStore } from "../../src/storage/event-store.ts";
import { eventChecksum } from "../../src/storage/sqlite/checksums.ts";
import { openForWriting } from "../../src/storage/sqlite/database.ts";
import { GuardedStore } from "../../src/storage/sqlite/guarded-store.ts";
import { SqliteEventStore } from "../../src/storage/sqlite/sqlite-event-store.ts";
import { storedBytes } from "../../src/storage/sqlite/stored-bytes.ts";
import { EventNumbers } from "../load/event-numbers.ts";
import { EventText } from "../load/event-text.ts";
import { STAGES, type Stage, type StageOptions, type StageTimes } from "./stages.ts";

const LIMITS = { eventsMax: 10_000, eventBytesMax: 16 * 1024 * 1024, topicsMax: 10_000 };

const MIGRATIONS = join(import.meta.dir, "../../drizzle");

class StageClock {
  readonly #milliseconds = new Map<Stage, number>();
  events = 0;
  /** Where the stage under way began. */
  #since = 0;

  /** Whatever comes next is a stage. */
  begin(): void {
    this.#since = performance.now();
  }

  /** What has been since the stage before was this one. */
  end(stage: Stage): void {
    const now = performance.now();
    this.#milliseconds.set(stage, (this.#milliseconds.get(stage) ?? 0) + now - this.#since);
    this.#since = now;
  }

  reset(): void {
    this.#milliseconds.clear();
    this.events = 0;
  }

  get times(): StageTimes {
    const each = STAGES.map((stage) => [stage, ((this.#milliseconds.get(stage) ?? 0) * 1_000) / this.events]);
    return Object.fromEntries(each) as StageTimes;
  }
}

class StageRun {
  readonly #clock = new StageClock();
  readonly #numbers = new EventNumbers();
  readonly #fingerprinter = new Fingerprinter(new Uint8Array(FINGERPRINT_KEY_BYTES));
  readonly #words = new Uint32Array(FINGERPRINT_WORDS);
  readonly #text: EventText;
  readonly #store: EventStore;
  readonly #commits: GroupCommit;
  /** Keeps what is measured from being left out. */
  #sink = 0;

  constructor(private readonly options: StageOptions) {
    this.#text = new EventText(options.eventsPerFrame, { head: '{"type":"publish","events":[', tail: "]}" });
    const path = join(options.folder, "onefold.db");
    const open = (file: string): Database => this.#watch(openForWriting(file));
    this.#store = new GuardedStore(new SqliteEventStore({ path, migrationsFolder: MIGRATIONS, open }), path);
    this.#commits = new GroupCommit({
      store: this.#watchAppend(this.#store),
      limits: LIMITS,
      now: Date.now,
      onFault: (error) => {
        throw error;
      },
      onDamagedAnswer: () => {},
    });
  }

  run(): StageTimes {
    const { warmUpSeconds, seconds } = this.options;
    this.#store.open();
    this.#runFor(warmUpSeconds);
    this.#clock.reset();
    this.#runFor(seconds);
    this.#store.close();
    if (this.#sink === 0) throw new Error("nothing was measured");
    return this.#clock.times;
  }

  #runFor(seconds: number): void {
    const until = performance.now() + seconds * 1_000;
    while (performance.now() < until) this.#commitOnce();
  }

  #commitOnce(): void {
    const clock = this.#clock;
    const publishes = this.#cross();
    this.#measureParts(publishes);
    const queue = [...publishes];
    clock.begin();
    while (queue.length > 0) {
      const { outcomes, notice } = this.#commits.run(queue);
      clock.end("make outcomes");
      const message = structuredClone(outcomesMessage(outcomes, notice));
      for (const outcome of commitOutcomesOf(message).outcomes) this.#sink += frameAnswer(1, outcome).length;
      clock.end("cross back and make answers");
    }
    clock.events += publishes.length * this.options.eventsPerFrame;
  }

  #cross(): Publish[] {
    const batch = new PublishBatch();
    const texts = Array.from({ length: this.options.framesPerCommit }, () =>
      this.#text.write(this.#numbers.next).toString("latin1"),
    );
    this.#clock.begin();
    for (const text of texts) batch.add({ text, form: "frame", wantsResults: false, grant: ANYONE });
    const publishes = publishesOf(structuredClone(batch.take()));
    this.#clock.end("cross to the ledger thread");
    return publishes;
  }

  /** Stages that cannot be seen from outside are run once more by themselves. */
  #measureParts(publishes: readonly Publish[]): void {
    const clock = this.#clock;
    clock.begin();
    for (const { text } of publishes) this.#sink += (JSON.parse(text) as { events: unknown[] }).events.length;
    clock.end("– JSON.parse alone");
    const events = publishes.flatMap(({ text }) => decodePublish(text, "frame", LIMITS).events);
    clock.begin();
    for (const { scope, eventId } of events) this.#fingerprinter.write(1, scope, eventId, this.#words, 0);
    clock.end("– fingerprint");
    for (const event of events) this.#sink += storedBytes(event);
    clock.end("– size for retention");
    for (const event of events) this.#sink += eventChecksum(event, 1, 1, 1);
    clock.end("– checksum");
  }

  /** What the group commit did before it appends is decoding; what it does after it, outcomes. */
  #watchAppend(store: EventStore): EventStore {
    const clock = this.#clock;
    return new Proxy(store, {
      get(target, name) {
        if (name === "append") {
          return (batch: Parameters<EventStore["append"]>[0]) => {
            clock.end("decode and validate");
            const result = target.append(batch);
            clock.end("memory follows");
            return result;
          };
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
      },
    });
  }

  #watch(db: Database): Database {
    const prepare = db.prepare.bind(db) as (sql: string) => Statement;
    return Object.assign(db, {
      prepare: (sql: string) => {
        const statement = prepare(sql);
        if (sql.startsWith("BEGIN")) return this.#timed(statement, "decide", "begin the transaction");
        if (sql === "COMMIT") return this.#timed(statement, "write rows", "commit and sync");
        return statement;
      },
    });
  }

  #timed(statement: Statement, before: Stage, during: Stage): Statement {
    const run = statement.run.bind(statement) as (...bindings: SQLQueryBindings[]) => unknown;
    return Object.assign(statement, {
      run: (...bindings: SQLQueryBindings[]) => {
        this.#clock.end(before);
        const result = run(...bindings);
        this.#clock.end(during);
        return result;
      },
    });
  }
}

const options = JSON.parse(process.argv[2] ?? "") as StageOptions;
console.log(JSON.stringify(new StageRun(options).run()));
