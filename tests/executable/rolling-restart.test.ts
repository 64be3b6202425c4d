/** One generation of the node after the other behind a proxy: nothing is lost for clients that resend and resume. */

import { expect, setDefaultTimeout, test } from "bun:test";
import {
  addCounters,
  type Counters,
  countersOf,
  type EventPage,
  NO_COUNTERS,
  type Stats,
} from "../support/contract.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { Journal, keyOf, type OutgoingBatch, type Publish, SocketPublisher } from "../support/publisher.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { TestSocket } from "../support/socket.ts";
import { StatsFollower } from "../support/stats-follower.ts";
import { StoredFile } from "../support/stored-file.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const RESTARTS = 5;
const ACKNOWLEDGEMENTS_PER_GENERATION = 150;
const HTTP_PUBLISHERS = 3;
const CHANNELS = 2;
const FRAMES_IN_FLIGHT = 4;
const STATS_READERS = 5;
const STOP_MS_MAX = 10_000;

/** Stored beforehand, so that a start takes long enough to be met by those who come back. */
const EVENTS_BEFORE = 200_000;
const EVENTS_PER_BODY = 10_000;

/** Resends every batch until it is acknowledged, over whatever connection there is. */
class Publishers {
  readonly journal = new Journal();
  /** How often something was sent again, and why. */
  readonly resent = new Map<string, number>();
  isOver = false;
  #newest = 0;

  constructor(
    private readonly proxy: CuttingProxy,
    private readonly random: SeededRandom,
  ) {}

  async run(): Promise<void> {
    const channels = Array.from({ length: CHANNELS }, () => this.#overChannel());
    const lanes = [
      ...Array.from({ length: HTTP_PUBLISHERS }, () => this.#overHttp),
      ...channels.flatMap((publish) => Array.from({ length: FRAMES_IN_FLIGHT }, () => publish)),
    ];
    await Promise.all(lanes.map((publish) => this.journal.publishAll(this.#persistent(publish), this.#next)));
  }

  readonly #next = (): OutgoingBatch | undefined =>
    this.isOver ? undefined : Array.from({ length: 1 + this.random.below(20) }, () => this.#event());

  #event(): OutgoingBatch[number] {
    const n = ++this.#newest;
    return { topic: `rolling.${n % 7}`, event_id: `event-${n}`, payload: { n } };
  }

  #persistent(publish: Publish): Publish {
    return async (batch) => {
      for (;;) {
        try {
          return await publish(batch);
        } catch (error) {
          const code = /"code":"(\w+)"/.exec(String(error))?.[1] ?? "connection lost";
          this.resent.set(code, (this.resent.get(code) ?? 0) + 1);
        }
      }
    };
  }

  readonly #overHttp: Publish = async (batch) => {
    const body = JSON.stringify(batch);
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${this.proxy.url}/publish`, { method: "POST", headers, body });
    const text = await response.text();
    if (response.status !== 200) throw new Error(text);
    return JSON.parse(text) as Counters;
  };

  /** One channel for all who publish over it; whoever finds it broken opens the next. */
  #overChannel(): Publish {
    let current: Promise<SocketPublisher> | undefined;
    return async (batch) => {
      current ??= SocketPublisher.open(this.proxy);
      const mine = current;
      try {
        return await (await mine).publish(batch);
      } catch (error) {
        if (current === mine) current = undefined;
        await mine.then(
          (channel) => channel[Symbol.dispose](),
          () => {},
        );
        throw error;
      }
    };
  }
}

/** Follows /ws/stats through whatever happens to its connection, and never sees a counter go down. */
class StatsReader {
  readonly follower = new StatsFollower();
  /** Times that a delta went on where the connection before had ended. */
  resumed = 0;

  constructor(private readonly proxy: CuttingProxy) {}

  /** Reads until this revision is known; until it is given, for ever. */
  async run(end: Promise<Stats>): Promise<void> {
    let target: Stats | undefined;
    void end.then((stats) => (target = stats));
    const isThere = (): boolean =>
      target !== undefined &&
      this.follower.epoch === target.epoch &&
      this.follower.revision >= target.revision;
    while (!isThere()) {
      const { epoch, revision } = this.follower;
      const resume = epoch === "" ? "" : `&epoch=${epoch}&revision=${revision}`;
      using socket = await TestSocket.open(`${this.proxy.wsUrl}/ws/stats?interval=20${resume}`);
      // Who knows it all already is told nothing more.
      void end.then(() => isThere() && socket.close());
      await this.#follow(socket, isThere);
    }
  }

  async #follow(socket: TestSocket, isThere: () => boolean): Promise<void> {
    const { deltas, snapshots } = this.follower;
    for await (const frame of socket.frames()) {
      const before = this.follower.totals;
      this.follower.take(frame);
      if (this.follower.deltas === deltas + 1 && this.follower.snapshots === snapshots) this.resumed++;
      for (const [name, value] of Object.entries(before))
        expect(this.follower.totals[name as keyof Counters]).toBeGreaterThanOrEqual(value);
      if (isThere()) return;
    }
  }
}

/** Pages through /events, one page after the other, until nothing more comes. */
class EventsReader {
  readonly keys: string[] = [];
  #after = 0;

  constructor(private readonly proxy: CuttingProxy) {}

  async run(isOver: () => boolean): Promise<void> {
    for (;;) {
      const mayEnd = isOver();
      const page = await this.#page().catch(() => undefined);
      for (const { seq, topic, event_id } of page?.events ?? []) {
        if (seq !== this.#after + 1) throw new Error(`Event ${seq} came after ${this.#after}.`);
        this.#after = seq;
        this.keys.push(keyOf({ topic, event_id }));
      }
      if (mayEnd && page?.count === 0) return;
    }
  }

  async #page(): Promise<EventPage> {
    const response = await fetch(`${this.proxy.url}/events?limit=1000&after=${this.#after}`);
    if (response.status !== 200) throw new Error(await response.text());
    return (await response.json()) as EventPage;
  }
}

async function fill(node: NodeProcess): Promise<void> {
  for (let first = 0; first < EVENTS_BEFORE; first += EVENTS_PER_BODY)
    await node.publish(
      Array.from({ length: EVENTS_PER_BODY }, (_, i) => ({ topic: "before", event_id: `${first + i}` })),
    );
}

test(`${RESTARTS} restarts behind a proxy, under load over both edges: every event is stored once, and every reader's numbers are right`, async () => {
  using folder = new TempFolder();
  let node = await NodeProcess.start({ data: folder.path });
  const args = ["serve", "--port", String(node.port), "--data", folder.path];
  try {
    await fill(node);
    await using proxy = await CuttingProxy.to(node.port);
    const publishers = new Publishers(proxy, SeededRandom.printed("rolling restart"));
    const { journal } = publishers;
    const publishing = publishers.run();
    const end = Promise.withResolvers<Stats>();
    const readers = Array.from({ length: STATS_READERS }, () => new StatsReader(proxy));
    const reading = readers.map((reader) => reader.run(end.promise));
    const eventsReader = new EventsReader(proxy);
    let areAllPublished = false;
    const paging = eventsReader.run(() => areAllPublished);
    const more = (): Promise<void> =>
      journal.untilAcknowledgements(journal.acknowledgements + ACKNOWLEDGEMENTS_PER_GENERATION);

    const stopMs: number[] = [];
    const outageMs: number[] = [];
    for (let restart = 1; restart <= RESTARTS; restart++) {
      await more();
      // A network that fails while the node lives: who comes back finds the same epoch.
      proxy.cut();
      await more();
      const signalledAt = performance.now();
      expect(await node.stop()).toBe(0);
      stopMs.push(performance.now() - signalledAt);
      node = await NodeProcess.startWith(args, {});
      await journal.untilAcknowledgements(journal.acknowledgements + 1);
      outageMs.push(performance.now() - signalledAt);
    }
    await more();
    publishers.isOver = true;
    await publishing;
    areAllPublished = true;
    await paging;
    const stats = await node.stats();
    end.resolve(stats);
    await Promise.all(reading);

    const list = (figures: number[]): string => figures.map((ms) => ms.toFixed(0)).join(", ");
    console.log(
      `rolling restart: ${journal.sent.size} events; stopped after ${list(stopMs)} ms, acknowledged again after ` +
        `${list(outageMs)} ms; resent: ${JSON.stringify(Object.fromEntries(publishers.resent))}; ` +
        `${readers.reduce((sum, { resumed }) => sum + resumed, 0)} resumptions with a delta`,
    );
    expect(Math.max(...stopMs)).toBeLessThan(STOP_MS_MAX);
    expect(journal.acknowledged.size).toBe(journal.sent.size);
    expect(stats.unique_processed).toBe(EVENTS_BEFORE + journal.sent.size);
    expect(stats.received).toBeGreaterThanOrEqual(EVENTS_BEFORE + journal.counters.received);
    expect(stats.conflicts).toBe(0);
    expect(publishers.resent.get("connection lost")).toBePositive();
    for (const { follower, resumed } of readers) {
      follower.expectToEqual(stats);
      expect(resumed).toBePositive();
    }
    const read = eventsReader.keys.slice(EVENTS_BEFORE);
    expect(read.length).toBe(journal.sent.size);
    expect(new Set(read)).toEqual(new Set(journal.sent.keys()));
    expect(await node.stop()).toBe(0);
    using file = new StoredFile(folder.path);
    file.expectToBeConsistent();
    expect(file.counters().map(countersOf).reduce(addCounters, NO_COUNTERS)).toEqual(countersOf(stats));
  } finally {
    await node[Symbol.asyncDispose]();
  }
});
