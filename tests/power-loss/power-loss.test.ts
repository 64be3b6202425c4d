/** The power goes at any moment: a store that opens what is left on the disk finds exactly the last whole commit. */

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SeededRandom } from "../support/seeded-random.ts";
import { Desk } from "./desk.ts";
import { freshLog, restartedLog, segmentsBehindCommits } from "./histories.ts";
import { BLOCK_BYTES, SECTOR_BYTES } from "./losses.ts";
import {
  cutCheckpoint,
  cutCheckpointAndCommit,
  cutFirstStart,
  cutLog,
  lostWrites,
  type Points,
  restartedHeader,
  staleIndex,
} from "./points.ts";
import type { Moment, Recording } from "./recording.ts";

setDefaultTimeout(2 * 60 * 60_000);

/** `POWER_LOSS=all` tries every point, as `bun run power-loss` does; a number says how many of each kind are drawn. */
const { POWER_LOSS = "40" } = process.env;
const POINTS_OF_A_KIND_MAX = POWER_LOSS === "all" ? Number.POSITIVE_INFINITY : Number(POWER_LOSS);

/** A file of 65,536 events takes long to open: of its points so many are drawn instead. */
const LARGE_POINTS_MAX = POWER_LOSS === "all" ? 100 : 1;

/** Points at which only the end of the log is looked at. */
const LOGS_READ_MAX = POWER_LOSS === "all" ? 2_000 : 20;

/** Faults that are named when there are more. */
const FAULTS_NAMED_MAX = 5;

const random = SeededRandom.printed("power loss");
let tried = 0;
afterAll(() => console.log(`power loss: ${tried} points tried`));

/** All points by number, or so many of them, drawn; the last one is always among them. */
function* drawn({ count }: Points, max: number): Generator<number> {
  const draws = Math.min(count, max);
  for (let n = 0; n < draws; n++) yield draws === count ? n : n === 0 ? count - 1 : random.below(count);
}

function expectRight(desk: Desk, points: Points, max = POINTS_OF_A_KIND_MAX): void {
  const faults: string[] = [];
  for (const i of drawn(points, max)) {
    if (faults.length === FAULTS_NAMED_MAX) break;
    const { expected, ...files } = points.at(i);
    const fault = desk.fault(files, expected);
    if (fault !== undefined)
      faults.push(`${points.name}, point ${i}: expected ${expected?.name ?? "nothing"}, got ${fault}`);
    tried++;
  }
  expect(faults).toEqual([]);
}

/** The last three commits, each with the moment before it. */
function lastCommits({ moments }: Recording): [Moment, Moment][] {
  return [3, 2, 1].map((back) => [moments.at(-back - 1)!, moments.at(-back)!]);
}

describe.each([
  ["a log that was never copied back", freshLog],
  ["a log that began again over older frames", restartedLog],
])("%s", (_, record) => {
  using recording = record();
  const { moments, sent } = recording;
  const desk = new Desk(sent);
  afterAll(() => desk[Symbol.dispose]());
  const commits = lastCommits(recording);
  const named = commits.map(([before, after]) => [after.name, before, after] as const);

  test("is read in full when nothing was lost", () => {
    for (const moment of moments) expect(desk.fault(moment, moment)).toBeUndefined();
  });

  test.each(named)("cut at any byte of a commit (%s): the last whole commit is found", (_, before, after) => {
    expectRight(desk, cutLog(before, after));
  });

  test.each(
    named.flatMap(([name, ...commit]) =>
      [SECTOR_BYTES, BLOCK_BYTES].map((unit) => [name, unit, ...commit] as const),
    ),
  )(
    "a commit that was not synced (%s), any units of %d bytes lost: all of it or nothing",
    (_, unit, before, after) => {
      expectRight(desk, lostWrites(before, after, unit, random));
    },
  );

  test("what a power cut leaves of a log is never taken for damage", () => {
    for (const [before, after] of commits) {
      for (const points of [cutLog(before, after), lostWrites(before, after, SECTOR_BYTES, random)]) {
        const losses = [...drawn(points, LOGS_READ_MAX)].map((i) => desk.lossIn(points.at(i)));
        expect(losses.filter((loss) => loss !== undefined)).toEqual([]);
      }
    }
  });

  test.each([SECTOR_BYTES, BLOCK_BYTES])(
    "a checkpoint cut short, any units of %d bytes old: nothing changes",
    (unit) => {
      for (const [, after] of commits) expectRight(desk, cutCheckpoint(desk, after, unit, random));
    },
  );

  test("a checkpoint cut short while a commit was written: all of the commit or nothing", () => {
    for (const [before, after] of commits.slice(1))
      expectRight(desk, cutCheckpointAndCommit(desk, before, after, random));
  });

  test("shared memory missing, empty, or from any other moment: nothing changes", () => {
    expectRight(desk, staleIndex(moments, random));
  });
});

test("a log that begins again, with its new header on the disk or not: nothing changes", () => {
  using recording = restartedLog();
  using desk = new Desk(recording.sent);
  const { moments } = recording;
  for (const [i, copied] of moments.entries()) {
    if (copied.name !== "the log was copied back") continue;
    expectRight(desk, restartedHeader(copied, moments[i + 1]!));
  }
});

test("a first start cut short anywhere in its log: the next one begins empty and takes events", () => {
  using recording = freshLog();
  using desk = new Desk(recording.sent);
  expectRight(desk, cutFirstStart(recording.moments[0]!));
});

test("rows that find a topic's events are cut with their commit", () => {
  using recording = segmentsBehindCommits();
  using desk = new Desk(recording.sent.slice(-100));
  for (const [before, after] of lastCommits(recording)) {
    expectRight(desk, cutLog(before, after), LARGE_POINTS_MAX);
    expectRight(desk, lostWrites(before, after, SECTOR_BYTES, random), LARGE_POINTS_MAX);
  }
  expectRight(desk, cutCheckpoint(desk, recording.last, BLOCK_BYTES, random), LARGE_POINTS_MAX);
});
