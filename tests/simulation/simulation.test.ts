/** Histories of a node under duplicates, failing commits, crashes and slow readers, held against the model. */

import { expect, test } from "bun:test";
import { CHECKS } from "./checks.ts";
import { HistoryViolation, runHistory } from "./history.ts";
import { commandFor, shrink } from "./shrink.ts";
import { STEPS } from "./steps.ts";
import { type Counts, tally } from "./tally.ts";

/** `SIMULATION_SEED` begins elsewhere, alone one history; `SIMULATION_HISTORIES` says how many. */
const { SIMULATION_SEED, SIMULATION_HISTORIES } = process.env;
const FIRST_SEED = Number(SIMULATION_SEED ?? 1);
const HISTORIES = Number(SIMULATION_HISTORIES ?? (SIMULATION_SEED === undefined ? 180 : 1));

/** Says how to see it again, in as few steps as it takes. */
function playOrShrink(seed: number): void {
  try {
    runHistory(seed);
  } catch (found) {
    if (found instanceof HistoryViolation) {
      const { steps, violation } = shrink(found, runHistory);
      console.error(`${violation.message}\n  again: ${commandFor(seed, steps)}`);
    }
    throw found;
  }
}

/** So many histories try everything there is to try. */
const HISTORIES_FOR_ALL = 100;

/** No check and no step stands there without ever being made. */
function expectAllTried({ checks = {}, steps = {} }: Counts): void {
  const onlyWhereTheyFail = ["the node comes to rest"];
  expect(Object.keys(CHECKS).filter((check) => !(check in checks))).toEqual(onlyWhereTheyFail);
  expect(Object.keys(STEPS).filter((step) => !(step in steps))).toEqual([]);
}

test("every acknowledged event is stored once and in order, and counters, rows and subscribers agree, whatever fails", () => {
  const began = performance.now();
  tally.take();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) playOrShrink(seed);
  const seconds = (performance.now() - began) / 1_000;
  console.log(`${HISTORIES} histories from seed ${FIRST_SEED} in ${seconds.toFixed(1)} s`);
  if (HISTORIES >= HISTORIES_FOR_ALL) expectAllTried(tally.take());
}, 600_000);

test("a seed makes the same history again", () => {
  for (const seed of [1, 2, 3, 4, 5]) expect(runHistory(seed)).toBe(runHistory(seed));
  expect(runHistory(1)).not.toBe(runHistory(2));
}, 60_000);

test("a step does the same whether or not the steps after it are played", () => {
  const first = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  for (const seed of [1, 2, 3]) {
    const short = runHistory(seed, { only: first });
    expect(runHistory(seed, { only: first })).toBe(short);
    expect(runHistory(seed, { only: new Set([...first, 1_000]) })).toBe(short);
    expect(runHistory(seed, { only: new Set([...first, 11]) })).not.toBe(short);
  }
}, 60_000);
