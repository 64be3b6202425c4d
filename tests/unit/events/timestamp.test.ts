/** Which texts are times: ISO 8601, and nothing that only looks like it. */

import { describe, expect, test } from "bun:test";
import { isTimestamp } from "../../../src/events/timestamp.ts";

describe("is a time", () => {
  test.each([
    "2024-12-31",
    "2024-12-31T23:59:59Z",
    "2024-12-31T23:59Z",
    "2024-12-31T23:59:59",
    "2024-12-31 23:59:59",
    "2024-12-31t23:59:59z",
    "2024-12-31T23:59:59.1Z",
    "2024-12-31T23:59:59.123456789Z",
    "2024-12-31T23:59:59,5Z",
    "2024-12-31T23:59:59+01:00",
    "2024-12-31T23:59:59-0130",
    "2024-12-31T23:59:59+01",
    "2024-12-31T23:59:59.25-11:30",
    "2024-12-31T00:00:00+23:59",
    "2016-12-31T23:59:60Z",
    "2024-02-29",
    "2000-02-29",
    "0001-01-01",
    "9999-12-31T23:59:59Z",
  ])("%s", (text) => {
    expect(isTimestamp(text)).toBe(true);
  });
});

describe("is no time", () => {
  test.each([
    "",
    " ",
    "31-12-2024",
    "12/31/2024",
    "2024-31-12",
    "2024-1-1",
    "24-12-31",
    "2024-00-10",
    "2024-13-01",
    "2024-01-00",
    "2024-01-32",
    "2024-04-31",
    "2023-02-29",
    "1900-02-29",
    "2100-02-29",
    "2024-02-30",
    "2024-12-31T",
    "2024-12-31T24:00:00Z",
    "2024-12-31T12:60:00Z",
    "2024-12-31T12:00:61Z",
    "2024-12-31T12Z",
    "2024-12-31T12:00:00.Z",
    "2024-12-31T12:00:00+24:00",
    "2024-12-31T12:00:00+01:60",
    "2024-12-31T12:00:00+1:00",
    "2024-12-31T12:00:00 Z",
    "2024-12-31T12:00:00Z ",
    " 2024-12-31T12:00:00Z",
    "2024-12-31T12:00:00Z\n",
    "2024-12-31Z",
    "2024-12-31T12:00:00ZZ",
    "+002024-12-31",
    "２０２４-12-31",
    "yesterday",
    "1735689599",
  ])("%j", (text) => {
    expect(isTimestamp(text)).toBe(false);
  });
});

test("what was fine before makes nothing else fine", () => {
  expect(isTimestamp("2024-12-31")).toBe(true);
  expect(isTimestamp("2024-12-32")).toBe(false);
  expect(isTimestamp("2024-12-32")).toBe(false);
  expect(isTimestamp("2024-12-31")).toBe(true);
  expect(isTimestamp("")).toBe(false);
});

test("a very long text is refused at once", () => {
  const started = performance.now();
  expect(isTimestamp(`2024-12-31T12:00:00.${"1".repeat(10_000_000)}Z`)).toBe(false);
  expect(performance.now() - started).toBeLessThan(500);
});
