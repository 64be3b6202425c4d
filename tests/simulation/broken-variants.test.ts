/** The simulation finds what it is there to find: each deliberately broken node is caught within some seeds. */

import { describe, expect, test } from "bun:test";
import { BROKEN_VARIANTS, firstCatch, kindOf, runBroken } from "./broken-variants.ts";
import { HistoryViolation, runHistory } from "./history.ts";
import { shrink } from "./shrink.ts";

const SEEDS_MAX = 200;

describe("the simulation catches a node that", () => {
  test.each([...BROKEN_VARIANTS])(
    "$name",
    (variant) => {
      const caught = firstCatch(variant, SEEDS_MAX);
      console.log(caught?.found.message.split("\n")[0]?.slice(0, 180));
      expect(caught).toBeDefined();
      // The node as it is passes that very history.
      runHistory(caught!.found.seed, kindOf(variant));
    },
    300_000,
  );
});

/** A failure this short need not get any shorter. */
const STEPS_MIN = 3;

describe("a history that fails is shrunk", () => {
  /** Broken in the store, in the ledger and in the live counters, and the steps that show it. */
  const CASES = [
    "counts outside the transaction",
    "gives a publish the outcome of another",
    "goes on in a new epoch without a snapshot",
  ];
  test.each(CASES)(
    "to half its steps or fewer, which still fail, and less does not, where a node %s",
    (name) => {
      const variant = BROKEN_VARIANTS.find((other) => other.name === name)!;
      const { found } = firstCatch(variant, SEEDS_MAX)!;
      const play = (places: readonly number[]) => () =>
        runBroken(variant, found.seed, { only: new Set(places) });
      const { steps } = shrink(found, (seed, options) => runBroken(variant, seed, options));
      const places = steps.map(({ place }) => place);
      console.log(`seed ${found.seed}: ${found.played.length} steps, then ${steps.length}: ${places}`);
      expect(places.length).toBeLessThanOrEqual(Math.max(found.played.length / 2, STEPS_MIN));
      expect(play(places)).toThrow(HistoryViolation);
      for (const place of places) expect(play(places.filter((other) => other !== place))).not.toThrow();
    },
    300_000,
  );
});
