/** The `auth` frame is told from every other, and its answer says until when. */

import { expect, test } from "bun:test";
import { authAnswer, authFrameOf } from "../../../src/server/socket-auth.ts";

test.each([
  ['{"type":"auth","token":"t"}', { token: "t" }],
  ['{ "token" : "t" , "type" : "auth" }', { token: "t" }],
  ['{"type":"publish","events":[{"event_id":"1","topic":"auth"}]}', undefined],
  ['["auth"]', undefined],
  ['"auth"', undefined],
  ["auth", undefined],
  [`{"type":"auth","token":"${"x".repeat(20_000)}"}`, undefined],
])("%s", (text, expected) => {
  expect(authFrameOf(text)).toEqual(expected as never);
});

test.each(['{"type":"auth"}', '{"type":"auth","token":7}', '{"type":"auth","token":"t","__proto__x":1}'])(
  "%s is refused without a word of it",
  (text) => {
    const frame = authFrameOf(text);
    expect(frame).toMatchObject({ fault: { code: "invalid_frame" } });
  },
);

test("the answer says until when, and null for ever or beyond all dates", () => {
  expect(authAnswer(0)).toBe('{"type":"auth","expires_at":"1970-01-01T00:00:00.000Z"}');
  for (const late of [Number.POSITIVE_INFINITY, 253_402_300_799_000_000, Number.MAX_VALUE])
    expect(authAnswer(late)).toBe('{"type":"auth","expires_at":null}');
});
