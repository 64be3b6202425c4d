/** One history: a node, its publishers and subscribers, and a seeded row of things that happen to them. */

import { Random } from "./random.ts";
import { type NodeParts, REAL_PARTS } from "./simulated-node.ts";
import { INTERVALS_MS, STEPS, type Stage, somePatternSets, subscribe } from "./steps.ts";
import { SimulatedSubscriber } from "./subscribers.ts";
import { Traffic } from "./traffic.ts";
import { guaranteeSame, Violation } from "./violation.ts";
import { weakenFingerprints } from "./weak-fingerprints.ts";
import { World } from "./world.ts";

const STEPS_PER_HISTORY = 60;
const SUBSCRIBERS = 8;

/** Rounds of sending again after which everything must be settled, once nothing fails any more. */
const ROUNDS_MAX = 200;

/** Steps that a failure shows. */
const STEPS_SHOWN = 15;

/**
 * @returns what tells this history from any other: equal for equal seeds.
 * @throws Violation that names the seed and what happened last.
 */
export function runHistory(seed: number, parts: NodeParts = REAL_PARTS): string {
  const random = new Random(seed);
  const hasStrongFingerprints = random.chance(0.7);
  const restoreFingerprints = hasStrongFingerprints ? undefined : weakenFingerprints(random.pick([1, 2, 5]));
  const limits = {
    topicsMax: random.pick([3, 8, 1_000, 1_000]),
    queuePublishesMax: random.pick([3, 10, 1_000, 1_000]),
    socketsPerTurnMax: random.pick([1, 2, 512]),
    hasStrongFingerprints,
  };
  const world = new World(random, limits, parts);
  const steps: string[] = [];
  try {
    for (let i = 1; i <= SUBSCRIBERS; i++)
      world.subscribers.push(new SimulatedSubscriber(`subscriber ${i}`, world.timeline));
    const intervalsMs = random.some(INTERVALS_MS, random.between(1, 3));
    const traffic = new Traffic(random);
    const patternSets = somePatternSets({ random, traffic });
    play({ random, world, traffic, intervalsMs, patternSets }, steps);
    return `${random.unit()} ${world.scheduler.now} ${JSON.stringify([...world.oracle.model.topics])}`;
  } catch (error) {
    const reason = error instanceof Violation ? error.message : String(error);
    const last = steps.slice(-STEPS_SHOWN).join(", ");
    throw new Violation(`SIMULATION_SEED=${seed}, step ${steps.length}: ${reason}\n  after: ${last}`, {
      cause: error,
    });
  } finally {
    world.close();
    restoreFingerprints?.();
  }
}

function play(stage: Stage, steps: string[]): void {
  const { random, world } = stage;
  if (random.chance(0.9)) world.run("all");
  const trouble = random.pick([0, 0.2, 0.5, 1]);
  const weights = Object.fromEntries(
    Object.entries(STEPS).map(([name, { weight, isTrouble }]) => [
      name,
      isTrouble ? weight * trouble : weight,
    ]),
  );
  for (let i = 0; i < STEPS_PER_HISTORY; i++) {
    const name = random.weighted(weights);
    steps.push(name);
    STEPS[name]!.run(stage);
    for (let rounds = random.between(1, 3); rounds > 0; rounds--) work(stage);
  }
  steps.push("heal");
  settle(stage);
  steps.push("restart at the end");
  world.restart();
  settle(stage);
}

/** The threads get on with it for a while, and time passes. */
function work({ random, world }: Stage): void {
  const tasks = random.weighted({ none: 3, some: 6, all: 2 });
  if (tasks === "some") world.run(random.between(1, 8));
  else if (tasks === "all") world.run("all");
  if (random.chance(0.5)) world.pass(random.pick([1, 10, 20, 60, 110, 600]));
}

/** Nothing fails any more: everything owed gets in, and everybody knows everything. */
function settle(stage: Stage): void {
  const { world } = stage;
  world.heal();
  for (let round = 0; round < ROUNDS_MAX && (round < 2 || world.debts.owed.length > 0); round++) {
    world.run("all");
    world.pass(1_100);
    STEPS.resend!.run(stage);
  }
  world.run("all");
  guaranteeSame(world.debts.owed.length, 0, "publishes that never got in");
  for (const subscriber of world.subscribers)
    if (subscriber.connection === undefined) subscribe(stage, subscriber);
  for (const { connection } of world.subscribers) {
    connection!.isSlow = false;
    connection!.readAll();
  }
  world.pass(1_100);
  world.run("all");
  for (const subscriber of world.subscribers) subscriber.expectCurrent(world.node.hub);
  world.audit().compareAll(world.oracle.model);
}
