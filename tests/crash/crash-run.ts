/** Kills a node again and again under full load, and after each start holds it against what was acknowledged. */

import { expect } from "bun:test";
import type { Counters, Stats } from "../support/contract.ts";
import { NodeProcess } from "../support/node-process.ts";
import { httpPublisher, type Publish, SocketPublisher } from "../support/publisher.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { StatsFollower } from "../support/stats-follower.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { Account } from "./account.ts";
import { KILL_MOMENTS, type KillMoment, killAt, type LoadedMoment } from "./kill-moments.ts";
import { readLeftBehind } from "./left-behind.ts";
import { type Attempt, Traffic } from "./traffic.ts";

const HTTP_PUBLISHERS = 8;
const CHANNELS = 4;
const FRAMES_IN_FLIGHT = 8;

/** A long run says now and then that it is alive. */
const KILLS_PER_LINE = 25;

const RESULTS = { results: true };

/** One that is told often, one that gets sums. */
const SUBSCRIPTIONS = ["?interval=20", "?interval=250"];

export interface Receipt {
  readonly seed: number;
  kills: number;
  readonly kills_by_moment: Record<KillMoment, number>;
  /** What the killed node was doing, from the files it left behind. */
  readonly found: {
    before_ready: number;
    in_the_middle_of_a_commit: number;
    in_the_middle_of_a_checkpoint: number;
  };
  acknowledgements: number;
  events_acknowledged: number;
  events_stored: number;
  duplicates_sent: number;
  conflicts_sent: number;
  attempts_unanswered: number;
  attempts_unanswered_but_stored: number;
  losses: number;
  seconds: number;
}

export class CrashRun implements Disposable {
  readonly #folder = new TempFolder();
  readonly #account = new Account();
  readonly #traffic: Traffic;
  readonly #receipt: Receipt;
  readonly #startedAt = performance.now();
  /** Attempts that were not acknowledged, and have not been sent again. */
  #owed: Attempt[] = [];
  /** What subscribers were told last in the life before. */
  #told: ReadonlyMap<string, Counters> = new Map();

  constructor(private readonly random: SeededRandom) {
    this.#traffic = new Traffic(random);
    this.#receipt = {
      seed: random.seed,
      kills: 0,
      kills_by_moment: {
        acknowledged: 0,
        anywhere: 0,
        checkpoint: 0,
        stopping: 0,
        starting: 0,
        resending: 0,
      },
      found: { before_ready: 0, in_the_middle_of_a_commit: 0, in_the_middle_of_a_checkpoint: 0 },
      acknowledgements: 0,
      events_acknowledged: 0,
      events_stored: 0,
      duplicates_sent: 0,
      conflicts_sent: 0,
      attempts_unanswered: 0,
      attempts_unanswered_but_stored: 0,
      losses: 0,
      seconds: 0,
    };
  }

  /** True at any moment, also after a failure. */
  get receipt(): Receipt {
    return Object.assign(this.#receipt, {
      acknowledgements: this.#account.acknowledgements,
      events_acknowledged: this.#account.eventsAcknowledged,
      duplicates_sent: this.#traffic.duplicatesSent,
      conflicts_sent: this.#traffic.conflictsSent,
      attempts_unanswered: this.#account.unanswered,
      attempts_unanswered_but_stored: this.#account.unansweredStored,
      losses: this.#account.losses,
      seconds: Math.round((performance.now() - this.#startedAt) / 100) / 10,
    });
  }

  async kill(times: number): Promise<void> {
    for (let moments: KillMoment[] = [...KILL_MOMENTS]; this.#receipt.kills < times; ) {
      const moment = moments.shift()!;
      if (moments.length === 0) moments = this.random.shuffled(KILL_MOMENTS);
      const startedAt = Date.now();
      const wasKilled = moment === "starting" ? await this.#killStarting() : await this.#live(moment);
      // A stop may be over before the kill; then there was none.
      if (!wasKilled) continue;
      this.#receipt.kills++;
      this.#receipt.kills_by_moment[moment]++;
      if (this.#receipt.kills % KILLS_PER_LINE === 0) console.log(`crash: ${this.#receipt.kills} kills`);
      const { inCommit, inCheckpoint } = readLeftBehind(this.#folder.path, startedAt);
      if (inCommit) this.#receipt.found.in_the_middle_of_a_commit++;
      if (inCheckpoint) this.#receipt.found.in_the_middle_of_a_checkpoint++;
    }
  }

  /** Starts it a last time, sends what is open, stops in order and reads the file past the node's own code. */
  async finish(): Promise<void> {
    await using node = await NodeProcess.start({ data: this.#folder.path });
    await this.#expectSettled(node);
    await this.#resend(node);
    const { unique_processed } = await this.#expectSettled(node);
    expect(await node.stop()).toBe(0);
    using file = new StoredFile(this.#folder.path);
    file.expectToBeConsistent();
    this.#receipt.events_stored = file.events().length;
    expect(file.events()).toHaveLength(unique_processed);
  }

  async #killStarting(): Promise<boolean> {
    await using node = NodeProcess.launch({ data: this.#folder.path });
    const wasKilled = await killAt("starting", this.#scene(node));
    if (node.url === "") this.#receipt.found.before_ready++;
    return wasKilled;
  }

  /** From one start to the next kill. */
  async #live(moment: LoadedMoment | "resending"): Promise<boolean> {
    await using node = await NodeProcess.start({ data: this.#folder.path });
    const stats = await this.#expectSettled(node);
    this.#expectToldWasStored(stats);
    const followers = await Promise.all(SUBSCRIPTIONS.map((query) => StatsFollower.open(node.wsUrl, query)));
    for (const follower of followers) follower.expectToEqual(stats);
    if (moment !== "resending") {
      await this.#resend(node);
      const after = await node.stats();
      for (const follower of followers) {
        await follower.reach(after);
        follower.expectToEqual(after);
      }
    }
    const following = followers.map(followUntilClosed);
    const publishing = this.#publishAll(await openPublishers(node));
    const wasKilled = await killAt(moment, this.#scene(node));
    await Promise.all([publishing, ...following]);
    this.#told = followers[0]!.topics;
    return wasKilled;
  }

  #scene(node: NodeProcess) {
    return { node, data: this.#folder.path, account: this.#account, random: this.random };
  }

  async #expectSettled(node: NodeProcess): Promise<Stats> {
    this.#owed.push(...this.#account.unacknowledged());
    expect(await this.#account.settle(node)).toEqual([]);
    return node.stats();
  }

  /** Nothing was shown live that a crash could take back. */
  #expectToldWasStored({ topics }: Stats): void {
    const takenBack = [...this.#told].filter(([topic, told]) => {
      const stored = topics[topic];
      return stored === undefined || stored.received < told.received || stored.conflicts < told.conflicts;
    });
    expect(takenBack).toEqual([]);
  }

  /** Sends what is owed once more; each of them must get in now. */
  async #resend(node: NodeProcess): Promise<void> {
    const publish = httpPublisher(node, RESULTS);
    const sent = this.#owed
      .splice(0)
      .map((attempt) => this.#account.publish(publish, this.#traffic.again(attempt)));
    expect((await Promise.all(sent)).every(Boolean)).toBeTrue();
  }

  /** Full load until the node is gone: first what is owed, then new traffic. */
  async #publishAll(publishers: readonly Publish[]): Promise<void> {
    const next = (): Attempt => {
      const owed = this.#owed.shift();
      return owed === undefined ? this.#traffic.next() : this.#traffic.again(owed);
    };
    const publishing = publishers.map(async (publish) => {
      while (await this.#account.publish(publish, next()));
    });
    await Promise.all(publishing);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** Publishers over both edges. */
async function openPublishers(node: NodeProcess): Promise<Publish[]> {
  const channels = await Promise.all(
    Array.from({ length: CHANNELS }, () => SocketPublisher.open(node, RESULTS)),
  );
  return [
    ...Array.from({ length: HTTP_PUBLISHERS }, () => httpPublisher(node, RESULTS)),
    ...channels.flatMap(({ publish }) => Array.from({ length: FRAMES_IN_FLIGHT }, () => publish)),
  ];
}

/** Adds up all that it is told, and checks each frame, until the connection ends. */
async function followUntilClosed(follower: StatsFollower): Promise<void> {
  for await (const frame of follower.socket.frames()) follower.take(frame);
}
