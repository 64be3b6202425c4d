/** A socket may send so many control frames a second; one that goes on regardless is over. */

import { expect, test } from "bun:test";
import { ControlFrames, controlRateOf } from "../../../src/limits/control-frames.ts";

function frames(perSecond: number) {
  const counts = { refused: 0, closed: 0 };
  return { control: new ControlFrames(controlRateOf(perSecond), counts), counts };
}

test("two seconds' worth may come at once; then each is refused with the time to wait, and after as many it is over", () => {
  const { control, counts } = frames(100);
  for (let i = 0; i < 200; i++) expect(control.judge(0)).toBeUndefined();
  for (let i = 0; i < 199; i++)
    expect(control.judge(0)).toMatchObject({
      status: 429,
      code: "rate_limited",
      retry_after: expect.any(Number),
    });
  expect(control.isOver).toBe(false);
  control.judge(0);
  expect(control.isOver).toBe(true);
  expect(counts).toEqual({ refused: 200, closed: 1 });
});

test("one that waits as long as it is told is served again", () => {
  const { control } = frames(10);
  for (let i = 0; i < 35; i++) control.judge(0);
  const refused = control.judge(0)!;
  expect(refused.retry_after).toBe(2);
  expect(control.judge(refused.retry_after! * 1_000)).toBeUndefined();
  expect(control.isOver).toBe(false);
});

test("one that keeps to the rate is never refused", () => {
  const { control, counts } = frames(100);
  for (let now = 0; now < 60_000; now += 10) expect(control.judge(now)).toBeUndefined();
  expect(counts.refused).toBe(0);
});

test("work that comes to more is paid for by the frames after it, and by no more than a second's worth", () => {
  const { control } = frames(100);
  for (let i = 0; i < 10; i++) {
    expect(control.judge(i)).toBeUndefined();
    control.charge(19, i);
  }
  expect(control.judge(9)).toMatchObject({ code: "rate_limited" });
  expect(control.judge(30_000)).toBeUndefined();
  control.charge(1_000_000, 30_000);
  for (let i = 0; i < 99; i++) expect(control.judge(30_000)).toBeUndefined();
  expect(control.judge(30_000)).toMatchObject({ retry_after: 1 });
  expect(control.isOver).toBe(false);
});
