/** One history: a node, its publishers and subscribers, and a seeded row of things that happen to them. */

import { commitFault, ROLLBACK_FAULT, statementFault } from "./faults.ts";
import { publishOverHttp, SimulatedChannel } from "./publishers.ts";
import { Random } from "./random.ts";
import { type NodeParts, REAL_PARTS } from "./simulated-node.ts";
import { SimulatedSubscriber, StatsConnection } from "./subscribers.ts";
import { type Intent, Traffic } from "./traffic.ts";
import { Violation } from "./violation.ts";
import { weakenFingerprints } from "./weak-fingerprints.ts";
import { World } from "./world.ts";

export const STEPS = 60;
const SUBSCRIBERS = 5;
const CHANNELS_MAX = 4;
/** Rounds of sending again after which everything must be settled once nothing fails any more. */
const ROUNDS_MAX = 50;

/** @throws Violation that names the seed and what happened last. */
export function runHistory(seed: number, parts: NodeParts = REAL_PARTS): void {
  const history = new History(seed, parts);
  try {
    history.run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `SIMULATION_SEED=${seed}, step ${history.steps.length}: ${reason}\n  ${history.steps.slice(-12).join("\n  ")}`;
    throw new Violation(message, { cause: error });
  } finally {
    history.close();
  }
}

class History {
  readonly steps: string[] = [];
  readonly #random: Random;
  readonly #traffic: Traffic;
  readonly #world: World;
  readonly #restoreFingerprints: () => void;

  constructor(seed: number, parts: NodeParts) {
    const random = new Random(seed);
    this.#random = random;
    this.#traffic = new Traffic(random);
    const hasStrongFingerprints = random.chance(0.7);
    this.#restoreFingerprints = hasStrongFingerprints ? () => {} : weakenFingerprints(random.pick([1, 2, 5]));
    const limits = {
      topicsMax: random.pick([3, 8, 1_000]),
      queuePublishesMax: random.pick([3, 10, 1_000]),
      socketsPerTurnMax: random.pick([1, 2, 512]),
      hasStrongFingerprints,
    };
    this.#world = new World(random, limits, parts);
    for (let i = 1; i <= SUBSCRIBERS; i++)
      this.#world.subscribers.push(new SimulatedSubscriber(`subscriber ${i}`, this.#world.timeline));
  }

  run(): void {
    if (this.#random.chance(0.9)) this.#world.run("all");
    for (let i = 0; i < STEPS; i++) {
      this.#step();
      this.#work();
    }
    this.#end();
  }

  close(): void {
    this.#world.close();
    this.#restoreFingerprints();
  }

  #work(): void {
    const world = this.#world;
    const how = this.#random.weighted({ none: 3, some: 5, all: 3 });
    if (how === "some") world.run(this.#random.between(1, 6));
    else if (how === "all") world.run("all");
    if (this.#random.chance(0.5)) world.pass(this.#random.pick([1, 10, 20, 60, 110, 600]));
  }

  #step(): void {
    const step = this.#random.weighted({
      publish: 30,
      resend: 10,
      subscribe: 9,
      unsubscribe: 3,
      slowDown: 6,
      read: 8,
      page: 3,
      fail: 8,
      dropChannel: 2,
      checkpoint: 2,
      moveClock: 2,
      wait: 2,
      diskFull: 2,
      restart: 2,
      kill: 2,
      dieInCommit: 3,
    });
    this.steps.push(step);
    this[`_${step}`]();
  }
