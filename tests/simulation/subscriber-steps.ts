/** Steps of subscribers: they come, ask for something else, stop reading, leave, and come back. */

import { publish } from "./publish-steps.ts";
import type { Stage } from "./stage.ts";
import { type SimulatedSubscriber, StatsConnection } from "./subscribers.ts";

/** The contracted ones, and what must be rounded up to one of them. */
export const INTERVALS_MS = [0, 7, 20, 21, 50, 90, 100, 250, 400, 501, 1_000, 5_000] as const;

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

/** Some lose their connection for less than a minute, in which much happens, and come back. */
export function comeBack(stage: Stage): void {
  const { random, world } = stage;
  const gone = random.some(world.subscribers, 4);
  for (const { connection } of gone) connection?.disconnect();
  for (let rounds = random.between(1, 3); rounds > 0; rounds--) {
    publish(stage);
    world.run("all");
    world.pass(random.pick([500, 5_000, 18_000]));
  }
  publish(stage);
  world.run("all");
  for (const subscriber of gone) subscribe(stage, subscriber);
}

/** Reads `GET /stats` and subscribes from there. */
export function followFromReading({ random, world, intervalsMs }: Stage): void {
  const { hub } = world.node;
  if (!hub.board.isOpen) return;
  const subscriber = random.pick(world.subscribers);
  subscriber.connection?.disconnect();
  subscriber.readBoard(hub);
  const fresh = new StatsConnection(subscriber, hub, world.scheduler);
  subscriber.connection = fresh;
  fresh.subscribe({ patterns: [], intervalMs: random.pick(intervalsMs), resume: subscriber.position });
}

export function slowDown({ random, world }: Stage): void {
  const { connection } = random.pick(world.subscribers);
  if (connection !== undefined) connection.isSlow = true;
}

export function readOn({ random, world }: Stage): void {
  const { connection } = random.pick(world.subscribers);
  if (connection === undefined) return;
  connection.isSlow = random.chance(0.3);
  connection.readAll();
}
