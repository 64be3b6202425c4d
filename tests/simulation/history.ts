/** One history: a node, its publishers and subscribers, and a seeded row of things that happen to them. */

import { PRUNE_POLL_MS } from "../../src/ingest/prune-schedule.ts";
import { KEEP_EVERYTHING, type Retention } from "../../src/storage/retention.ts";
import { SEGMENT_EVENTS } from "../../src/storage/sqlite/topic-segments.ts";
import { dieAtFirst } from "./failure-steps.ts";
import { resend } from "./publish-steps.ts";
import { Random } from "./random.ts";
import { readEnds } from "./reader-steps.ts";
import { drawRetention } from "./retention-rules.ts";
import { type NodeParts, REAL_PARTS } from "./simulated-node.ts";
import { type Stage, work } from "./stage.ts";
import { STEPS } from "./steps.ts";
import { INTERVALS_MS, somePatternSets, subscribe } from "./subscriber-steps.ts";
import { SimulatedSubscriber } from "./subscribers.ts";
import { tally } from "./tally.ts";
import { emptyBeginning, largeBeginning } from "./templates.ts";
import { Traffic } from "./traffic.ts";
import { guarantee, guaranteeSame, Violation } from "./violation.ts";
import { weakenFingerprints } from "./weak-fingerprints.ts";
import { World } from "./world.ts";

/** Steps drawn from the seed; another begins a history, and two end it. */
const STEPS_PER_HISTORY = [20, 40, 60];
const SUBSCRIBERS = 8;

/** Rounds of sending again after which everything must be settled, once nothing fails any more. */
const ROUNDS_MAX = 1_000;

/** Steps that a failure shows. */
const STEPS_SHOWN = 15;

/** A step and its place in the whole history, which chooses the random numbers that it draws. */
export interface PlannedStep {
  readonly place: number;
  readonly name: string;
}

export interface HistoryOptions {
  readonly parts?: NodeParts;
  /** Places of the steps to play; without it all are played. */
  readonly only?: ReadonlySet<number>;
  /** Whether the file is large to begin with; without it few are, since they take long. */
  readonly isLarge?: boolean;
  /** Whether the node has rules of retention, as some have without it. */
  readonly hasRetention?: boolean;
}

/** In the middle of the migration of a new file. */
const DIE_AT_FIRST = "die in the first start";

const RETENTION_CHANCE = 0.4;

const LARGE_CHANCE = 1 / 250;

/** Why a history failed, and what it was. */
export class HistoryViolation extends Error {
  override readonly name = "HistoryViolation";
  readonly #played: readonly PlannedStep[];

  constructor(
    readonly seed: number,
    played: readonly PlannedStep[],
    readonly violation: Violation,
  ) {
    const last = played.slice(-STEPS_SHOWN).map(({ place, name }) => `${place} ${name}`);
    super(`seed ${seed}, step ${played.length}: ${violation.message}\n  after: ${last.join(", ")}`, {
      cause: violation,
    });
    this.#played = played;
  }

  /** Up to the step that failed. */
  get played(): readonly PlannedStep[] {
    return this.#played;
  }
}

/**
 * @returns what tells this history from any other: equal for equal seeds.
 * @throws HistoryViolation where a guarantee does not hold.
 */
export function runHistory(seed: number, options: HistoryOptions = {}): string {
  const { parts = REAL_PARTS, only } = options;
  const random = new Random(seed);
  const isLarge = random.chance(LARGE_CHANCE) || options.isLarge === true;
  // With weak ones every event of a large file would be compared with every other.
  const hasStrongFingerprints = random.chance(0.7) || isLarge;
  const restoreFingerprints = hasStrongFingerprints ? undefined : weakenFingerprints(random.pick([1, 2, 5]));
  const played: PlannedStep[] = [];
  let world: World | undefined;
  try {
    const limits = {
      topicsMax: random.pick([3, 8, 1_000, 1_000]),
      queuePublishesMax: random.pick([3, 10, 1_000, 1_000]),
      queueBytesMax: random.pick([500, 5_000, 100_000, 100_000]),
      socketsPerTurnMax: random.pick([1, 2, 512]),
      hasStrongFingerprints,
      retentions: drawRetentions(random, { ...options, isLarge, hasStrongFingerprints }),
      pruneRowsMax: isLarge ? 512 : random.pick([1, 3, 10, 512]),
    };
    const first = random.weighted({ start: 8, "go on starting": 1, [DIE_AT_FIRST]: 1 });
    const isMigrated = first !== DIE_AT_FIRST && random.chance(0.95);
    const beginning = isLarge ? largeBeginning() : emptyBeginning(isMigrated);
    world = new World({ random, limits, parts, beginning });
    const steps = drawSteps(random, first);
    const stage = makeStage(random, world);
    for (const step of steps) {
      if (only !== undefined && !only.has(step.place)) continue;
      played.push(step);
      random.restart(step.place);
      play(stage, step.name);
    }
    tally.count("histories", isLarge ? "with a large file" : "with a new file");
    return `${random.unit()} ${world.scheduler.now} ${JSON.stringify([...world.oracle.model.topics])}`;
  } catch (error) {
    if (error instanceof Violation) throw new HistoryViolation(seed, played, error);
    throw error;
  } finally {
    world?.close();
    restoreFingerprints?.();
  }
}

/** Most nodes keep everything. Of those that don't, some are started again with other rules, or with none. */
function drawRetentions(
  random: Random,
  {
    isLarge,
    hasStrongFingerprints,
    hasRetention = false,
  }: HistoryOptions & { hasStrongFingerprints: boolean },
): Retention[] {
  if (!random.chance(RETENTION_CHANCE) && !hasRetention) return [KEEP_EVERYTHING];
  const draw = (): Retention =>
    drawRetention(random, isLarge === true ? SEGMENT_EVENTS : 0, hasStrongFingerprints);
  const first = draw();
  return random.chance(0.6) ? [first] : [first, draw(), KEEP_EVERYTHING];
}

/** All is drawn before anything is played, so that it stays the same when steps are left out. */
function drawSteps(random: Random, first: string): PlannedStep[] {
  const trouble = random.pick([0, 0.2, 0.5, 1]);
  const weights = Object.fromEntries(
    Object.entries(STEPS).map(([name, { weight, isTrouble }]) => [
      name,
      isTrouble ? weight * trouble : weight,
    ]),
  );
  const names = Array.from({ length: random.pick(STEPS_PER_HISTORY) }, () => random.weighted(weights));
  return [first, ...names, "settle", "restart and settle"].map((name, i) => ({ place: i + 1, name }));
}

function makeStage(random: Random, world: World): Stage {
  for (let i = 1; i <= SUBSCRIBERS; i++)
    world.subscribers.push(new SimulatedSubscriber(`subscriber ${i}`, world.timeline));
  const intervalsMs = random.some(INTERVALS_MS, random.between(1, 3));
  const traffic = new Traffic(random);
  return {
    random,
    world,
    traffic,
    intervalsMs,
    patternSets: somePatternSets({ random, traffic }),
    pagings: [],
  };
}

function play(stage: Stage, name: string): void {
  const { random, world } = stage;
  tally.count("steps", name);
  if (name === "start") world.run("all");
  else if (name === DIE_AT_FIRST) dieAtFirst(stage);
  else if (name === "settle") settle(stage);
  else if (name === "restart and settle") {
    world.heal();
    world.restart();
    settle(stage);
  } else {
    STEPS[name]?.run(stage);
    for (let rounds = random.between(1, 3); rounds > 0; rounds--) work(stage);
  }
  world.compareStanding();
}

/** Nothing fails any more: everything owed gets in, and everybody knows everything. */
function settle(stage: Stage): void {
  const { world } = stage;
  const { queuePublishesMax, queueBytesMax } = world.limits;
  const publishesAtOnce = queuePublishesMax < 1_000 || queueBytesMax < 100_000 ? 3 : 100;
  world.heal();
  for (let round = 0; round < ROUNDS_MAX && (round < 2 || world.debts.owed.length > 0); round++) {
    world.run("all");
    // A store that failed is opened again after a second.
    if (world.ledger.state !== "ready") world.pass(1_100);
    resend(stage, publishesAtOnce);
  }
  world.run("all");
  const owed = world.debts.owed.length;
  guaranteeSame("everything that is sent again gets in", owed, 0, "publishes that never got in");
  for (const subscriber of world.subscribers)
    if (subscriber.connection === undefined) subscribe(stage, subscriber);
  for (const { connection } of world.subscribers) {
    connection!.isSlow = false;
    connection!.readAll();
  }
  world.pass(1_100);
  world.run("all");
  for (const subscriber of world.subscribers) subscriber.expectCurrent(world.node.hub);
  restRetention(stage);
  world.compareFile();
  readEnds(stage);
}

/** Retention reaches its end: one step each time that its timer fires. */
function restRetention({ world }: Stage): void {
  const { retention } = world.oracle;
  retention.isAtRest = false;
  for (let round = 0; round < ROUNDS_MAX && !retention.isAtRest; round++) {
    world.pass(PRUNE_POLL_MS);
    world.run("all");
  }
  guarantee("at rest every rule is kept to", retention.isAtRest, () => "retention never comes to rest");
}
