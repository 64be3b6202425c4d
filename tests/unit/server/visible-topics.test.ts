/** What a caller may see is worked out once for the same patterns, and kept for a few of them only. */

import { expect, test } from "bun:test";
import { ANYONE, type Grant } from "../../../src/access/grant.ts";
import { CounterBoard } from "../../../src/live/counter-board.ts";
import { ProblemError } from "../../../src/problem.ts";
import { FILTERS_KEPT_MAX, visiblePatterns, visibleTopics } from "../../../src/server/visible-topics.ts";

const TOPICS = ["a.1", "a.2", "b.1", "c"];

function boardOf(names: readonly string[]): CounterBoard {
  const board = new CounterBoard();
  const counters = { received: 2, unique_processed: 1, duplicate_dropped: 1, conflicts: 0 };
  const topics = names.map((name) => ({ name, ...counters, firstAt: 1, lastAt: 1 }));
  board.reset("epoch", { topics, events: 0 } as unknown as Parameters<CounterBoard["reset"]>[1]);
  return board;
}

const grantOf = (...topics: string[]): Grant => ({ subject: "somebody", topics });

const namesOf = (grant: Grant, board: CounterBoard): string[] =>
  Array.from(visibleTopics(grant, board).ids(), (id) => board.topic(id).name);

test("grants with the same patterns share what is worked out of them", () => {
  const board = boardOf(TOPICS);
  const ids = visibleTopics(grantOf("a.*", "c"), board).ids();
  expect(visibleTopics(grantOf("c", "a.*"), board).ids()).toBe(ids);
  expect(visibleTopics(grantOf("a.*"), board).ids()).not.toBe(ids);
  expect(namesOf(grantOf("c", "a.*"), board)).toEqual(["a.1", "a.2", "c"]);
});

test("as many are kept as may be, and those that were not asked for the longest go first", () => {
  const board = boardOf(TOPICS);
  const idsOf = (i: number) => visibleTopics(grantOf("a.*", `x${i}`), board).ids();
  const [first, second] = [idsOf(0), idsOf(1)];
  for (let i = 2; i < FILTERS_KEPT_MAX; i++) idsOf(i);
  expect(idsOf(0)).toBe(first);
  idsOf(FILTERS_KEPT_MAX);
  expect(idsOf(0)).toBe(first);
  expect(idsOf(1)).not.toBe(second);
  expect(idsOf(1)).toEqual(second);
});

test("nothing is kept for who sees all, however many of them there are", () => {
  const board = boardOf(TOPICS);
  expect(visibleTopics(ANYONE, board).ids()).not.toBe(visibleTopics(ANYONE, board).ids());
  expect(visibleTopics(ANYONE, board).ids()).not.toBeInstanceOf(Set);
  expect(namesOf(grantOf("*", "a.1"), board)).toEqual(TOPICS);
  expect(visibleTopics(ANYONE, board)).toMatchObject({ count: 4 });
  expect(visibleTopics(ANYONE, board).totals()).toEqual(board.totals);
});

test("a subscription is cut down to the grant, and the first pattern that is outside of it is named", () => {
  const grant = grantOf("a.*", "b.1", "c.x.*");
  expect(visiblePatterns(grant, [])).toEqual(grant.topics);
  expect(visiblePatterns(ANYONE, [])).toEqual([]);
  expect([...visiblePatterns(grant, ["*"])].sort()).toEqual([...grant.topics]);
  expect([...visiblePatterns(grant, ["a.1", "c.*", "c.x.y*", "b*"])].sort()).toEqual(["a.1", "b.1", "c.x.*"]);
  const refused = (): unknown => visiblePatterns(grant, ["a.1", "b.2", "d"]);
  expect(refused).toThrow(ProblemError);
  expect(refused).toThrow("`b.2`");
});
