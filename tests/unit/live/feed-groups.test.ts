/** Which groups of readers a commit concerns, however many groups and topics there are. */

import { expect, test } from "bun:test";
import { TopicPatterns } from "../../../src/events/topic-pattern.ts";
import { FeedGroups, PAIRS_MAX } from "../../../src/live/feed-group.ts";
import { FeedBench } from "./feed-bench.ts";

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

test("groups are found topic by topic, and not put on a list that grows with groups and topics", () => {
  const groups = new FeedGroups();
  const topics = Array.from({ length: 500 }, (_, i) => `t${i}`);
  const few = groups.of(new TopicPatterns(["t1", "t3"]), 0);
  const finding = groups.placesOf(topics.slice(0, 4));
  for (let turn = 0; turn < 4; turn++) expect(finding.next()).toEqual({ done: false, value: false });
  expect(finding.next()).toEqual({ done: true, value: new Map([[few, [1, 3]]]) });
  for (let i = 0; i < 400; i++) groups.of(new TopicPatterns(["t*", `x${i}`]), 0);
  const found = groups.placesOf(topics);
  let [turns, next] = [0, found.next()];
  for (; next.done !== true; next = found.next()) turns++;
  expect(turns).toBeLessThanOrEqual(PAIRS_MAX / 400);
  expect(next.value).toBeUndefined();
});

test("what is new is told to groups and of topics so many that they are held against each other one by one", async () => {
  const bench = new FeedBench();
  const topics = Array.from({ length: 500 }, (_, i) => `t${i}`);
  expect(topics.length * 400).toBeGreaterThan(PAIRS_MAX);
  const readers = Array.from({ length: 400 }, (_, i) => bench.subscribe(["t*", `x${i}`], "latest"));
  const [every, one, none] = [[], ["t7"], ["y"]].map((patterns) => bench.subscribe(patterns, "latest"));
  bench.commit(...topics);
  await bench.settle();
  for (const { seqs } of [...readers, every!]) expect(seqs).toEqual(range(1, 500));
  expect(one!.seqs).toEqual([8]);
  expect(none!.seqs).toEqual([]);
  bench.commit(...topics);
  bench.store.prune("t7", 508);
  await bench.settle();
  expect(one!.gaps).toEqual([{ from: 501, to: 508 }]);
  for (const { seqs } of readers) expect(seqs).toHaveLength(999);
  expect(none!.gaps).toEqual([]);
}, 30_000);
