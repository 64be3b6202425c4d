/** Steps in which something breaks: statements, commits, disks, clocks, threads, the process, the power. */

import { Database } from "bun:sqlite";
import {
  commitFault,
  openingFault,
  PRUNE_STATEMENTS,
  pruneFault,
  ROLLBACK_FAULT,
  statementFault,
} from "./faults.ts";
import { publish } from "./publish-steps.ts";
import type { Lane } from "./scheduler.ts";
import { type Stage, work } from "./stage.ts";
import { subscribe } from "./subscriber-steps.ts";

const HOUR_MS = 3_600_000;

/** A tick that takes many turns, with a commit between them. */
export function publishAcrossTick(stage: Stage, prepare: () => void): void {
  const { world } = stage;
  publish(stage);
  world.run("all");
  prepare();
  publish(stage);
  world.run(2);
  world.pass(1_000);
  world.run(8);
}

export function failAcrossTick(stage: Stage): void {
  const { random, world } = stage;
  publishAcrossTick(stage, () => world.faults.arm(commitFault(random)));
  for (const subscriber of random.some(world.subscribers, 6)) {
    subscribe(stage, subscriber);
    world.run(1);
  }
}

/** A commit of unknown outcome, after which the file cannot be opened, or read, several times in a row. */
export function failToReopen(stage: Stage): void {
  const { random, world } = stage;
  world.faults.arm({
    statement: "COMMIT",
    skip: 0,
    when: random.pick(["before", "after"]),
    code: "SQLITE_IOERR",
  });
  world.faults.failToOpen(random.below(4));
  world.faults.arm(...Array.from({ length: random.below(4) }, () => openingFault(random)));
  for (let rounds = random.between(2, 6); rounds > 0; rounds--) {
    publish(stage);
    work(stage);
    world.pass(random.pick([300, 1_000]));
  }
}

/** A sync that takes seconds: the ledger stands still, before its commit or after it, and the edge goes on. */
export function syncSlowly(stage: Stage): void {
  const { random, world } = stage;
  publish(stage);
  if (random.chance(0.5)) world.run(random.between(1, 4));
  const lanes: readonly Lane[] = random.chance(0.5)
    ? ["ledger tasks", "ledger messages"]
    : ["ledger tasks", "ledger messages", "edge messages"];
  world.scheduler.hold(...lanes);
  for (let rounds = random.between(2, 8); rounds > 0; rounds--) {
    publish(stage);
    if (random.chance(0.3)) subscribe(stage, random.pick(world.subscribers));
    world.pass(random.pick([100, 500, 1_000]));
    world.run(random.between(1, 10));
  }
  world.scheduler.hold();
}

/** The machine sleeps: when it wakes up, what has arrived is dealt with before the timers that are late. */
export function suspend(stage: Stage): void {
  const { random, world } = stage;
  publish(stage);
  world.run("all");
  subscribe(stage, random.pick(world.subscribers));
  world.suspend(80_000);
  publish(stage);
  world.run("all");
}

/** Some read nothing for half a minute or more, while everything else goes on. */
export function stall(stage: Stage): void {
  const { random, world } = stage;
  for (const { connection } of random.some(world.subscribers, 3)) if (connection) connection.isSlow = true;
  for (let rounds = random.between(3, 6); rounds > 0; rounds--) {
    publish(stage);
    world.run("all");
    world.pass(random.pick([1_000, 15_000, 25_000]));
    world.run("all");
  }
}

export function moveWallClock({ random, world }: Stage): void {
  world.moveWallClock(random.pick([-30 * HOUR_MS, -HOUR_MS, -5, 1_000, HOUR_MS, 24 * HOUR_MS]));
}

/** A restart during which publishers go on sending; now and then the clock is another one afterwards. */
export function restart(stage: Stage): void {
  const { random, world } = stage;
  world.restart(() => publish(stage));
  if (random.chance(0.3)) moveWallClock(stage);
  if (random.chance(0.5)) publish(stage);
}

export function dieInCommit({ random, world }: Stage): void {
  if (random.chance(0.4)) {
    world.dieAt({ statement: "COMMIT", skip: random.below(2), when: "after", isPowerCut: true });
    return;
  }
  const statements = [
    "",
    "BEGIN",
    "INSERT INTO events",
    "INSERT INTO counters",
    "COMMIT",
    "COMMIT",
    "COMMIT",
  ];
  world.dieAt({
    statement: random.pick(statements),
    skip: random.pick([0, 0, 1, 5]),
    when: random.pick(["before", "after"]),
    isPowerCut: random.chance(0.6),
  });
}

/** Dies around any statement that only retention runs, or around its commit: the second of a turn. */
export function dieInPruning({ random, world }: Stage): void {
  const isCommit = random.chance(0.4);
  world.dieAt({
    statement: isCommit ? "COMMIT" : random.pick(PRUNE_STATEMENTS),
    skip: isCommit ? 1 : random.below(3),
    when: random.pick(["before", "after"]),
    isPowerCut: random.chance(0.6),
  });
}

/** The second commit of a turn is that of a step, where the first one brought in something. */
export function failPruning(stage: Stage): void {
  const { random, world } = stage;
  const fault = pruneFault(random);
  const isSecond = fault.statement === "COMMIT" && random.chance(0.7);
  world.faults.arm(isSecond ? { ...fault, skip: 1 } : fault, ...(random.chance(0.3) ? [ROLLBACK_FAULT] : []));
  publish(stage);
}

/** Dies in the middle of a start: of its migration where the file is new, of the recovery where it is not. */
export function dieWhileOpening(stage: Stage): void {
  const { random, world } = stage;
  for (let times = random.between(1, 3); times > 0; times--) {
    world.kill();
    world.dieAt({
      statement: random.pick(["", "", "SELECT", "CREATE", "INSERT", "DELETE", "COMMIT"]),
      skip: random.below(15),
      when: random.pick(["before", "after"]),
      isPowerCut: random.chance(0.5),
    });
    world.run(random.between(1, 4));
  }
}

/** Dies, a few times in a row, while a new file is migrated. */
export function dieAtFirst({ random, world }: Stage): void {
  for (let times = random.between(1, 3); times > 0; times--) {
    world.dieAt({
      statement: random.pick(["", "CREATE", "CREATE", "INSERT", "COMMIT"]),
      skip: random.below(6),
      when: random.pick(["before", "after"]),
      isPowerCut: random.chance(0.5),
    });
    world.run(1);
  }
  world.run("all");
}

export function dieInThread({ random, world }: Stage): void {
  world.dieInThread(random.pick(["ledger messages", "ledger tasks", "edge messages"]), random.below(6));
}

export function failStatement({ random, world }: Stage): void {
  world.faults.arm(statementFault(random));
}

/** What the checkpoint thread does, or asks the ledger to do. */
export function copyLogBack({ random, world }: Stage): void {
  if (random.chance(0.5)) Atomics.store(world.node.restartRequest, 0, 1);
  else if (world.oracle.isOpen) {
    const db = new Database(world.node.path);
    db.query("PRAGMA wal_checkpoint(PASSIVE)").all();
    db.close(true);
  }
}
