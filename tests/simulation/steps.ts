/** The things that can happen to a node, each with how often it does. */

import { Database } from "bun:sqlite";
import type { EventQuery } from "../../src/storage/event-reader.ts";
import { commitFault, ROLLBACK_FAULT, statementFault } from "./faults.ts";
import { publishOverHttp, SimulatedChannel } from "./publishers.ts";
import type { Random } from "./random.ts";
import { type SimulatedSubscriber, StatsConnection } from "./subscribers.ts";
import type { Intent, Traffic } from "./traffic.ts";
import type { World } from "./world.ts";

export interface Stage {
  readonly random: Random;
  readonly traffic: Traffic;
  readonly world: World;
  /** Few in a history, so that subscribers are told in the same tick. */
  readonly intervalsMs: readonly number[];
  /** The same: what subscribers ask for, so that some of them share a group. */
  readonly patternSets: readonly (readonly string[])[];
}

interface Step {
  readonly weight: number;
  /** Some histories have few of these, or none: what only goes wrong after a long calm is found there. */
  readonly isTrouble?: true;
  readonly run: (stage: Stage) => void;
}

const CHANNELS_MAX = 4;
export const INTERVALS_MS = [0, 20, 50, 100, 250, 1_000] as const;

export const STEPS: Readonly<Record<string, Step>> = {
  publish: { weight: 30, run: publish },
  "publish across a tick": { weight: 5, run: (stage) => publishAcrossTick(stage, () => {}) },
  "fail across a tick": {
    isTrouble: true,
    weight: 3,
    run: (stage) => {
      publishAcrossTick(stage, () => stage.world.faults.arm(commitFault(stage.random)));
      for (const subscriber of stage.random.some(stage.world.subscribers, 6)) {
        subscribe(stage, subscriber);
        stage.world.run(1);
      }
    },
  },
  resend: {
    weight: 10,
    run: (stage) => {
      for (const intent of stage.random.some(stage.world.debts.owed, 8)) send(stage, intent);
    },
  },
  subscribe: { weight: 9, run: (stage) => subscribe(stage, stage.random.pick(stage.world.subscribers)) },
  unsubscribe: {
    weight: 3,
    run: ({ random, world }) => random.pick(world.subscribers).connection?.disconnect(),
  },
  "slow down": {
    weight: 6,
    run: ({ random, world }) => {
      const { connection } = random.pick(world.subscribers);
      if (connection !== undefined) connection.isSlow = true;
    },
  },
  "read on": {
    weight: 8,
    run: ({ random, world }) => {
      const { connection } = random.pick(world.subscribers);
      if (connection === undefined) return;
      connection.isSlow = random.chance(0.3);
      connection.readAll();
    },
  },
  "read pages": { weight: 3, run: readPages },
  "find events": {
    weight: 3,
    run: ({ random, world }) => {
      if (!world.oracle.isOpen) return;
      for (const arrival of random.some(world.oracle.model.arrivals, 5)) {
        const { topic, scope, eventId } = arrival;
        world.audit().compareFind(arrival, arrival, world.node.store.locate(topic, scope, eventId));
      }
    },
  },
  "fail a commit": {
    isTrouble: true,
    weight: 5,
    run: ({ random, world }) => world.faults.arm(commitFault(random)),
  },
  "fail a statement": {
    isTrouble: true,
    weight: 5,
    run: ({ random, world }) => world.faults.arm(statementFault(random)),
  },
  "fail a statement and its rollback": {
    isTrouble: true,
    weight: 1,
    run: ({ random, world }) => world.faults.arm(statementFault(random), ROLLBACK_FAULT),
  },
  "fill the disk": {
    isTrouble: true,
    weight: 2,
    run: ({ random, world }) => world.setDiskFull(random.chance(0.5)),
  },
  "copy the log back": {
    weight: 2,
    run: ({ random, world }) => {
      if (random.chance(0.5)) Atomics.store(world.node.restartRequest, 0, 1);
      else if (world.oracle.isOpen) checkpointBeside(world.node.path);
    },
  },
  "drop a channel": {
    weight: 2,
    run: ({ random, world }) => {
      const [dropped] = random.some(world.channels, 1);
      dropped?.disconnect();
      world.channels = world.channels.filter((channel) => channel !== dropped);
    },
  },
  "move the wall clock": {
    weight: 2,
    run: ({ random, world }) => world.moveWallClock(random.pick([-3_600_000, -5, 1_000])),
  },
  wait: { weight: 2, run: ({ random, world }) => world.pass(random.pick([1_000, 5_000, 61_000, 80_000])) },
  suspend: { weight: 2, run: suspend },
  restart: { isTrouble: true, weight: 2, run: ({ world }) => world.restart() },
  kill: { isTrouble: true, weight: 2, run: ({ world }) => world.kill() },
  "die in a commit": {
    isTrouble: true,
    weight: 3,
    run: ({ random, world }) =>
      world.dieAt({
        statement: random.pick([
          "",
          "BEGIN",
          "INSERT INTO events",
          "INSERT INTO counters",
          "COMMIT",
          "COMMIT",
        ]),
        when: random.pick(["before", "after"] as const),
        isTorn: random.chance(0.5),
      }),
  },
};

function publish(stage: Stage): void {
  const { random, traffic } = stage;
  for (let i = random.between(1, 6); i > 0; i--)
    send(stage, traffic.intent(random.pick(["body", "frame"] as const)));
}

/** A tick that takes many turns, with a commit between them. */
function publishAcrossTick(stage: Stage, prepare: () => void): void {
  const { world } = stage;
  publish(stage);
  world.run("all");
  prepare();
  publish(stage);
  world.run(2);
  world.pass(1_000);
  world.run(8);
}

/** The machine sleeps: when it wakes up, what has arrived is dealt with before the timers that are late. */
function suspend(stage: Stage): void {
  const { random, world } = stage;
  publish(stage);
  world.run("all");
  subscribe(stage, random.pick(world.subscribers));
  world.suspend(80_000);
  publish(stage);
  world.run("all");
}

function send({ random, world }: Stage, intent: Intent): void {
  if (intent.form === "body") {
    publishOverHttp(world.ledger, world.debts, intent, random.chance(0.4));
    return;
  }
  if (world.channels.length < CHANNELS_MAX && random.chance(0.3)) {
    const topics = random.chance(0.85) ? ["*"] : ["orders*", "default"];
    const grant = { subject: "publisher", topics };
    world.channels.push(new SimulatedChannel(world.ledger, world.debts, grant, random.pick([1, 3, 100])));
  }
  if (world.channels.length === 0) world.debts.add(intent);
  else random.pick(world.channels).send(intent);
}

export function somePatternSets({ random, traffic }: Pick<Stage, "random" | "traffic">): string[][] {
  const known = ["orders*", "orders.eu", "*", "unheard", ...traffic.topics];
  return Array.from({ length: random.between(1, 4) }, () => random.some(known, random.below(3)));
}

/** Connects, resumes or subscribes to something else. */
export function subscribe(
  { random, world, intervalsMs, patternSets }: Stage,
  subscriber: SimulatedSubscriber,
): void {
  const intervalMs = random.pick(intervalsMs);
  const { connection } = subscriber;
  const patterns = random.pick(patternSets);
  if (connection !== undefined && random.chance(0.6)) {
    // Only who has read everything can tell what the delta of a new subscription on the same socket adds to.
    const resumes = connection.bufferedBytes === 0 && random.chance(0.5);
    if (resumes)
      connection.subscribe({ patterns: subscriber.patterns, intervalMs, resume: subscriber.position });
    else connection.subscribe({ patterns, intervalMs });
    return;
  }
  connection?.disconnect();
  const fresh = new StatsConnection(subscriber, world.node.hub, world.scheduler);
  fresh.isSlow = random.chance(0.3);
  subscriber.connection = fresh;
  const isBack = subscriber.epoch !== "" && random.chance(0.7);
  if (isBack) fresh.subscribe({ patterns: subscriber.patterns, intervalMs, resume: subscriber.position });
  else fresh.subscribe({ patterns, intervalMs });
}

function readPages({ random, traffic, world }: Stage): void {
  const { oracle } = world;
  if (!oracle.isOpen) return;
  const query: EventQuery = {
    order: random.pick(["asc", "desc"] as const),
    limit: random.pick([1, 7, 1_000]),
    ...(random.chance(0.5) && { topic: random.pick(traffic.topics) }),
    ...(random.chance(0.5) && { after: random.below(oracle.model.arrivals.length + 2) }),
  };
  world.audit().comparePages(oracle.model, query);
}

/** What the checkpoint thread does. */
function checkpointBeside(path: string): void {
  const db = new Database(path);
  db.query("PRAGMA wal_checkpoint(PASSIVE)").all();
  db.close(true);
}
