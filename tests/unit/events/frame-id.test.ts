/** A frame that is refused without being decoded still says which one it was, where its text can be read. */

import { describe, expect, test } from "bun:test";
import { frameIdOf } from "../../../src/events/frame-id.ts";

const READABLE: [string, string][] = [
  ['{"type":"publish","id":7,"events":[]}', "7"],
  ['{"id":7,"events":[]}', "7"],
  ['{"type":"other","id":"x"}', '"x"'],
  ['{"events":[{"id":"event"}],"id":-1}', "-1"],
  ['{"events":[{"a":{"id":1}},"id",{"id":2}],"id":"last"}', '"last"'],
  [' { "id" : 12345678901234567890 , "type" : "publish" } ', "12345678901234567890"],
  ['{"id":"a\\"b\\\\","type":"publish"}', '"a\\"b\\\\"'],
  ['{"id":"é","type":"publish"}', '"é"'],
  ['{"type":"id","id":1}', "1"],
];
test.each(READABLE)("%s", (text, id) => {
  expect(frameIdOf(text)).toBe(id);
});

describe("there is none in", () => {
  test.each([
    "",
    "{",
    "[]",
    "1",
    '"id"',
    '{"type":"publish"}',
    '{"type":"publish","events":[{"id":7}]}',
    '{"type":"publish","id":{}}',
    '{"type":"publish","id":[7]}',
    '{"type":"publish","id":null}',
    '{"type":"publish","id":true}',
    '{"type":"publish","id":1.5}',
    '{"type":"publish","id":nope}',
    `{"type":"publish","id":"${"x".repeat(256)}"}`,
    '{"id":"of a bare event"}',
    '[{"type":"publish","id":7}]',
  ])("%s", (text) => {
    expect(frameIdOf(text)).toBeUndefined();
  });
});

test("hostile text is read in one go, and no values are built of it", () => {
  const started = performance.now();
  expect(frameIdOf(`{"type":"publish","id":1,"events":${"[".repeat(4_000_000)}`)).toBe("1");
  expect(frameIdOf(`{"type":"publish","events":["${"\\\\".repeat(1_000_000)}"],"id":2}`)).toBe("2");
  expect(frameIdOf(`{"type":"publish","id":${"1".repeat(4_000_000)}}`)).toBeUndefined();
  expect(frameIdOf(`{${":".repeat(4_000_000)}`)).toBeUndefined();
  expect(frameIdOf(`{"type":"publish","id":3,"":${"a:".repeat(2_000_000)}`)).toBe("3");
  expect(performance.now() - started).toBeLessThan(1_000);
});
