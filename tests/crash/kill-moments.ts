/** When a node is killed: each kind of moment waits for its own, and then the process is gone. */

import { statSync } from "node:fs";
import { join } from "node:path";
import { withDeadline } from "../support/deadline.ts";
import type { NodeProcess } from "../support/node-process.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import type { Account } from "./account.ts";

/** Under load, once everything of the last life has been settled. */
export type LoadedMoment = "acknowledged" | "anywhere" | "checkpoint" | "stopping";

/** `starting`: before it is ready. `resending`: while publishers send again what the last kill left open. */
export type KillMoment = LoadedMoment | "starting" | "resending";

/** In the order of the first kills; later ones are shuffled. */
export const KILL_MOMENTS: readonly KillMoment[] = [
  "acknowledged",
  "resending",
  "anywhere",
  "starting",
  "checkpoint",
  "stopping",
];

/** A moment that depends on nothing a test can see is drawn: so long after its beginning at most. */
const STARTING_MS_MAX = 60;
const STOPPING_MS_MAX = 30;
const ANYWHERE_MS_MAX = 400;

const ACKNOWLEDGEMENTS_MAX = 200;

/** Acknowledgements after which a kill that waits for a checkpoint stops waiting. */
const ACKNOWLEDGEMENTS_BEFORE_CHECKPOINT_MAX = 5_000;

export interface Scene {
  readonly node: NodeProcess;
  readonly data: string;
  readonly account: Account;
  readonly random: SeededRandom;
}

const WAITS: Record<KillMoment, (scene: Scene) => Promise<void>> = {
  acknowledged: ({ account, random }) =>
    account.untilAcknowledgements(account.acknowledgements + 1 + random.below(ACKNOWLEDGEMENTS_MAX)),
  resending: ({ account, random }) =>
    account.untilAcknowledgements(account.acknowledgements + 1 + random.below(10)),
  anywhere: ({ random }) => Bun.sleep(random.below(ANYWHERE_MS_MAX)),
  starting: ({ random }) => Bun.sleep(random.below(STARTING_MS_MAX)),
  checkpoint: untilDatabaseIsWritten,
  async stopping({ node, random }) {
    node.signal("SIGTERM");
    await Promise.race([Bun.sleep(random.below(STOPPING_MS_MAX)), node.exited]);
  },
};

/** @returns whether it was this kill that ended the process. */
export async function killAt(moment: KillMoment, scene: Scene): Promise<boolean> {
  await WAITS[moment](scene);
  await scene.node.kill9();
  return scene.node.wasKilled;
}

/** Only a checkpoint writes the database file itself: its time of change says that one has begun. */
async function untilDatabaseIsWritten({ data, account, random }: Scene): Promise<void> {
  const path = join(data, "onefold.db");
  const before = statSync(path).mtimeMs;
  const last = account.acknowledgements + ACKNOWLEDGEMENTS_BEFORE_CHECKPOINT_MAX;
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const written = async (): Promise<void> => {
    while (statSync(path).mtimeMs === before && account.acknowledgements < last) await turn();
    for (let turns = random.below(3); turns > 0; turns--) await turn();
  };
  await withDeadline(written(), () => "a checkpoint to begin");
}
