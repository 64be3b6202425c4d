/** Large answers are counted until they are read or given up, and everybody gets the whole text. */

import { expect, test } from "bun:test";
import { AnswerBudget } from "../../../src/limits/answer-budget.ts";
import { BODY_BYTES_PER_SECOND_MIN, BodyDeadlines } from "../../../src/limits/body-deadlines.ts";
import { LargeAnswers, WHOLE_ANSWER_LENGTH_MAX } from "../../../src/server/large-answers.ts";

const REQUEST = new Request("http://localhost/events");
const LARGE = "é".repeat(1024 * 1024);
const LARGE_BYTES = 2 * LARGE.length;
const TIMEOUT_MS = 30_000;

function answersOf(bytesMax = LARGE_BYTES) {
  const cut: number[] = [];
  const budget = new AnswerBudget(bytesMax);
  const deadlines = new BodyDeadlines(TIMEOUT_MS, 0, 0);
  const answers = new LargeAnswers({ budget, deadlines, setIdleTimeout: (_, seconds) => cut.push(seconds) });
  return { answers, budget, deadlines, cut };
}

test("an answer up to a size is not counted, one above it is until it has been read", async () => {
  const { answers } = answersOf();
  const small = "x".repeat(WHOLE_ANSWER_LENGTH_MAX);
  const whole = answers.json(REQUEST, small);
  expect(answers.bytes).toBe(0);
  expect(await whole.text()).toBe(small);
  const large = answers.json(REQUEST, LARGE);
  expect(large.headers.get("content-type")).toBe("application/json");
  expect(answers.bytes).toBe(LARGE_BYTES);
  expect(await large.text()).toBe(LARGE);
  expect(answers.bytes).toBe(0);
});

test("nothing is taken from an answer before somebody reads it, and then a slice at a time", async () => {
  const { answers } = answersOf();
  const reader = answers.json(REQUEST, LARGE).body!.getReader();
  const slices: number[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    slices.push(value.length);
    expect(answers.bytes).toBe(LARGE_BYTES);
  }
  expect(slices).toEqual(Array.from({ length: 8 }, () => LARGE_BYTES / 8));
  expect(answers.bytes).toBe(0);
});

test("what a client leaves unread is given back once", async () => {
  const { answers, deadlines } = answersOf();
  const reader = answers.json(REQUEST, LARGE).body!.getReader();
  await reader.read();
  await reader.cancel();
  expect([answers.bytes, deadlines.reading]).toEqual([0, 0]);
  await answers.json(REQUEST, LARGE).body!.cancel();
  answers.sweep(1e9);
  expect(answers.bytes).toBe(0);
});

test("beyond the budget an answer is refused, but one alone never, nor what is owed", async () => {
  const { answers, budget } = answersOf(LARGE_BYTES - 1);
  const first = answers.json(REQUEST, LARGE);
  expect(() => answers.json(REQUEST, LARGE)).toThrow("Too many large answers");
  expect(() => answers.expectRoom()).toThrow("Too many large answers");
  expect(budget.refused).toBe(2);
  expect(await answers.json(REQUEST, "small").text()).toBe("small");
  const owed = answers.owedJson(REQUEST, LARGE);
  expect(answers.bytes).toBe(2 * LARGE_BYTES);
  await Promise.all([first.text(), owed.text()]);
  expect(answers.bytes).toBe(0);
  answers.expectRoom();
  expect(answers.bytes).toBe(0);
});

test("an answer that is not read in time is given up; each slice that is taken buys some", async () => {
  const { answers, cut } = answersOf();
  const reader = answers.json(REQUEST, LARGE).body!.getReader();
  answers.sweep(TIMEOUT_MS - 1);
  expect(answers.bytes).toBe(LARGE_BYTES);
  const { value } = await reader.read();
  await reader.read();
  const bought = (value!.length / BODY_BYTES_PER_SECOND_MIN) * 1_000;
  answers.sweep(TIMEOUT_MS + bought - 1);
  expect([answers.bytes, cut]).toEqual([LARGE_BYTES, []]);
  answers.sweep(TIMEOUT_MS + bought);
  expect([answers.bytes, cut]).toEqual([0, [1]]);
  expect(reader.read()).rejects.toThrow("not read in time");
});
