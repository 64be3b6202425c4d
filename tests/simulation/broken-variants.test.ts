/** The simulation finds what it is there to find: each deliberately broken node is caught within some seeds. */

import { describe, expect, test } from "bun:test";
import { BROKEN_VARIANTS, type BrokenVariant } from "./broken-variants.ts";
import { runHistory } from "./history.ts";
import { REAL_PARTS } from "./simulated-node.ts";
import { Violation } from "./violation.ts";

const SEEDS_MAX = 150;

/** The first seed that catches a variant, and what it says; the node as it is must pass that very history. */
function firstCatch({ parts, install }: BrokenVariant): { seed: number; reason: string } | undefined {
  const restore = install?.();
  try {
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      try {
        runHistory(seed, { ...REAL_PARTS, ...parts });
      } catch (error) {
        if (error instanceof Violation) return { seed, reason: error.message };
        throw error;
      }
    }
    return undefined;
  } finally {
    restore?.();
  }
}

describe("the simulation catches a node that", () => {
  test.each([...BROKEN_VARIANTS])("$name", (variant) => {
    const caught = firstCatch(variant);
    console.log(`seed ${caught?.seed}: ${caught?.reason.split("\n")[0]?.slice(0, 180)}`);
    expect(caught).toBeDefined();
    runHistory(caught!.seed);
  });
});
