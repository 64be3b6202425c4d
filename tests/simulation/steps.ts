/** The things that can happen to a node, each with how often it does. */

import * as failure from "./failure-steps.ts";
import { commitFault, ROLLBACK_FAULT, statementFault } from "./faults.ts";
import * as publisher from "./publish-steps.ts";
import * as reader from "./reader-steps.ts";
import type { Stage } from "./stage.ts";
import * as subscriber from "./subscriber-steps.ts";

interface Step {
  readonly weight: number;
  /** Some histories have few of these, or none: what only goes wrong after a long calm is found there. */
  readonly isTrouble?: true;
  readonly run: (stage: Stage) => void;
}

const PEACE: Readonly<Record<string, Step>> = {
  publish: { weight: 30, run: publisher.publish },
  flood: { weight: 2, run: publisher.flood },
  "publish across a tick": { weight: 5, run: (stage) => failure.publishAcrossTick(stage, () => {}) },
  resend: { weight: 10, run: (stage) => publisher.resend(stage) },
  repeat: { weight: 2, run: publisher.repeat },
  "repeat with a key": { weight: 4, run: publisher.repeatKeyed },
  "drop a channel": { weight: 2, run: publisher.dropChannel },
  subscribe: {
    weight: 9,
    run: (stage) => subscriber.subscribe(stage, stage.random.pick(stage.world.subscribers)),
  },
  "come back": { weight: 2, run: subscriber.comeBack },
  "follow from GET /stats": { weight: 2, run: subscriber.followFromReading },
  unsubscribe: {
    weight: 3,
    run: ({ random, world }) => random.pick(world.subscribers).connection?.disconnect(),
  },
  "slow down": { weight: 6, run: subscriber.slowDown },
  "read on": { weight: 8, run: subscriber.readOn },
  "read pages": { weight: 2, run: reader.readPages },
  "turn a page": { weight: 4, run: reader.turnPage },
  "find events": { weight: 3, run: reader.findEvents },
  "read conflicts": { weight: 1, run: reader.readConflicts },
  "copy the log back": { weight: 2, run: failure.copyLogBack },
  "move the wall clock": { weight: 2, run: failure.moveWallClock },
  wait: { weight: 2, run: ({ random, world }) => world.pass(random.pick([1_000, 5_000, 61_000, 80_000])) },
  stall: { weight: 1.5, run: failure.stall },
  suspend: { weight: 1, run: failure.suspend },
  "sync slowly": { weight: 2, run: failure.syncSlowly },
};

const TROUBLE: Readonly<Record<string, Omit<Step, "isTrouble">>> = {
  "fail across a tick": { weight: 3, run: failure.failAcrossTick },
  "fail a commit": { weight: 5, run: ({ random, world }) => world.faults.arm(commitFault(random)) },
  "fail a statement": { weight: 5, run: failure.failStatement },
  "fail a statement and its rollback": {
    weight: 1,
    run: ({ random, world }) => world.faults.arm(statementFault(random), ROLLBACK_FAULT),
  },
  "fail to reopen": { weight: 2, run: failure.failToReopen },
  "fill the disk": { weight: 2, run: ({ random, world }) => world.setDiskFull(random.chance(0.5)) },
  "fail a step of retention": { weight: 4, run: failure.failPruning },
  "lose power": { weight: 1.5, run: ({ world }) => world.losePower() },
  restart: { weight: 2, run: failure.restart },
  kill: { weight: 1.5, run: ({ world }) => world.kill() },
  "die in a commit": { weight: 3, run: failure.dieInCommit },
  "die in a step of retention": { weight: 2, run: failure.dieInPruning },
  "die while opening": { weight: 1, run: failure.dieWhileOpening },
  "die in a thread": { weight: 1.5, run: failure.dieInThread },
};

export const STEPS: Readonly<Record<string, Step>> = {
  ...PEACE,
  ...Object.fromEntries(
    Object.entries(TROUBLE).map(([name, step]) => [name, { ...step, isTrouble: true as const }]),
  ),
};
