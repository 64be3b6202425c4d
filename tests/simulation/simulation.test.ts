/** Histories of a node under duplicates, failing commits, crashes and slow readers, held against the model. */

import { expect, test } from "bun:test";
import { runHistory } from "./history.ts";

/** `SIMULATION_SEED` begins elsewhere, alone one history; `SIMULATION_HISTORIES` says how many. */
const { SIMULATION_SEED, SIMULATION_HISTORIES } = process.env;
const FIRST_SEED = Number(SIMULATION_SEED ?? 1);
const HISTORIES = Number(SIMULATION_HISTORIES ?? (SIMULATION_SEED === undefined ? 300 : 1));

test("every acknowledged event is stored once and in order, and counters, rows and subscribers agree, whatever fails", () => {
  const began = performance.now();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) runHistory(seed);
  const seconds = (performance.now() - began) / 1_000;
  console.log(`${HISTORIES} histories from seed ${FIRST_SEED} in ${seconds.toFixed(1)} s`);
}, 600_000);

test("a seed makes the same history again", () => {
  for (const seed of [1, 2, 3, 4, 5]) expect(runHistory(seed)).toBe(runHistory(seed));
  expect(runHistory(1)).not.toBe(runHistory(2));
});
