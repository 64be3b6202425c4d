/** Every limit that can be set is held by the executable: what reaches it is served, what crosses it is refused. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { flagOf } from "../../../src/config/flags.ts";
import { SETTING_NAMES, SETTINGS } from "../../../src/config/settings.ts";
import { TEST_TIMEOUT_MS } from "../../support/deadline.ts";
import { SHAPE_CROSSINGS } from "./shape-crossings.ts";
import { TIME_CROSSINGS } from "./time-crossings.ts";
import { TRAFFIC_CROSSINGS } from "./traffic-crossings.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const CROSSINGS: Readonly<Record<string, () => Promise<void>>> = {
  ...SHAPE_CROSSINGS,
  ...TRAFFIC_CROSSINGS,
  ...TIME_CROSSINGS,
};

test("there is a crossing for every limit, and for nothing else", () => {
  const limits = SETTING_NAMES.filter((name) => SETTINGS[name].group === "Limits");
  expect(Object.keys(CROSSINGS).sort()).toEqual([...limits].sort());
});

test.each(Object.entries(CROSSINGS).map(([name, cross]) => [`--${flagOf(name)}`, cross] as const))(
  "%s",
  async (_, cross) => {
    await cross();
  },
);
