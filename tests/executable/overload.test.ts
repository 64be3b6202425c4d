/** More than fits: what cannot be taken now is told 503 and can be sent again, and the node stays itself. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { expectProblem, expectWellFormedProblem } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { openPublishChannel } from "../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const MIB = 1024 * 1024;

test("a full queue answers 503 with Retry-After over HTTP, and sending again until it is taken counts once", async () => {
  await using node = await NodeProcess.start({ flags: ["--max-queue-publishes", "2"] });
  let refused = 0;
  const publish = async (event_id: string): Promise<void> => {
    for (;;) {
      const response = await node.post({ event_id });
      if (response.status === 200) return;
      await expectProblem(response, { status: 503, code: "overloaded" });
      refused++;
    }
  };
  await Promise.all(Array.from({ length: 200 }, (_, i) => publish(String(i))));
  expect(refused).toBeGreaterThan(0);
  // What is 503 is no mistake of the publisher's: it is not counted as rejected.
  expect(await node.stats()).toMatchObject({ received: 200, unique_processed: 200, rejected: 0 });
});

test("a full queue answers each frame with its own 503, in order, and the channel goes on", async () => {
  await using node = await NodeProcess.start({ flags: ["--max-queue-bytes", "1024"] });
  using channel = await openPublishChannel(node.wsUrl);
  const frames = 200;
  for (let i = 0; i < frames; i++)
    channel.send({
      type: "publish",
      id: `f${i}`,
      events: [{ event_id: String(i), payload: "x".repeat(400) }],
    });
  let accepted = 0;
  for (let i = 0; i < frames; i++) {
    const answer = await channel.next();
    expect(answer).toMatchObject({ frame: i + 1, id: `f${i}` });
    if (answer.type === "ack") accepted++;
    else
      expect(expectWellFormedProblem(JSON.stringify(answer))).toMatchObject({
        status: 503,
        code: "overloaded",
      });
  }
  expect(accepted).toBeWithin(1, frames);
  expect((await node.stats()).received).toBe(accepted);
});

test("one body that alone exceeds the queue is taken nevertheless", async () => {
  await using node = await NodeProcess.start({ flags: ["--max-queue-bytes", "1024"] });
  expect(await node.publish({ event_id: "large", payload: "x".repeat(100_000) })).toMatchObject({ count: 1 });
});

test("bodies of the full size from eight connections at once", async () => {
  await using node = await NodeProcess.start();
  const body = (id: number): string =>
    JSON.stringify({ event_id: String(id), payload: "x".repeat(16 * MIB - 100) });
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => node.post(body(i))));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.every((status) => status === 200 || status === 503)).toBeTrue();
  expect(statuses).toContain(200);
  const peak = node.memoryMb("VmHWM");
  console.log(`overload: peak memory ${peak.toFixed(0)} MB with 8 bodies of 16 MiB`);
  // A body is there as bytes, as text on both threads, as the value and as the text that is stored.
  expect(peak).toBeLessThan(90 + 8 * 16 * 6);
  expect((await node.stats()).received).toBe(statuses.filter((status) => status === 200).length);
});

test("one topic more than allowed refuses the whole batch; known topics go on", async () => {
  await using node = await NodeProcess.start({ flags: ["--max-topics", "3"] });
  await node.publish(["a", "b"].map((topic) => ({ topic, event_id: "1" })));
  const batch = ["c", "d"].map((topic) => ({ topic, event_id: "1" }));
  await expectProblem(await node.post(batch), { status: 422, code: "too_many_topics" });
  expect((await node.stats()).topic_count).toBe(2);
  expect(
    await node.publish([
      { topic: "a", event_id: "2" },
      { topic: "c", event_id: "1" },
    ]),
  ).toMatchObject({ count: 2 });
});
