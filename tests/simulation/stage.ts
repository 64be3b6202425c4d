/** What a step of a history is handed: the world, and what this history's traffic and subscribers are like. */

import type { EventQuery } from "../../src/storage/event-reader.ts";
import type { Random } from "./random.ts";
import type { Traffic } from "./traffic.ts";
import type { World } from "./world.ts";

export interface Stage {
  readonly random: Random;
  readonly traffic: Traffic;
  readonly world: World;
  /** Few in a history, so that subscribers are told in the same tick. */
  readonly intervalsMs: readonly number[];
  /** The same: what subscribers ask for, so that some of them share a group. */
  readonly patternSets: readonly (readonly string[])[];
  /** Readers in the middle of their pages, while events go on arriving. */
  readonly pagings: EventQuery[];
}

/** The threads get on with it for a while, and time passes. */
export function work({ random, world }: Stage): void {
  const tasks = random.weighted({ none: 3, some: 6, all: 2 });
  if (tasks === "some") world.run(random.between(1, 8));
  else if (tasks === "all") world.run("all");
  if (random.chance(0.5)) world.pass(random.pick([1, 10, 20, 60, 110, 600]));
}
