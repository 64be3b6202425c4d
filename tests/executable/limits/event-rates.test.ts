/** The rate of events is kept however they are sent: in parallel, in pipelines, in other spellings; honest ones are let be. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { expectProblem } from "../../support/contract.ts";
import { TEST_TIMEOUT_MS, until } from "../../support/deadline.ts";
import { NodeProcess } from "../../support/node-process.ts";
import { maskedFrame, OPCODE, RawSocket } from "../../support/raw-socket.ts";
import { type Frame, openPublishChannel } from "../../support/socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const TOO_FAST = { status: 429, code: "rate_limited" };

/** Events with ids that nobody else has. */
function events(prefix: string, count: number, more: object = {}) {
  return Array.from({ length: count }, (_, i) => ({ event_id: `${prefix}-${i}`, ...more }));
}

function nodeWith(eventsPerSecond: number, ...flags: string[]): Promise<NodeProcess> {
  return NodeProcess.start({ flags: ["--rate-events-per-token", String(eventsPerSecond), ...flags] });
}

/** What of the rate is left, as an answer tells it. */
function leftOf({ headers }: Response): number {
  return Number(/"events-per-token";r=(\d+);/.exec(headers.get("ratelimit") ?? "")?.[1]);
}

/** Attacks, and holds what was let through against the rate: what was there, what came back, and one publish. */
async function expectKept(
  node: NodeProcess,
  { rate, publish }: { readonly rate: number; readonly publish: number },
  attack: () => Promise<void>,
): Promise<void> {
  const from = performance.now();
  await attack();
  const seconds = (performance.now() - from) / 1_000;
  const { received } = await node.stats();
  expect(received).toBeGreaterThanOrEqual(publish);
  expect(received).toBeLessThanOrEqual(Math.ceil(rate + seconds * rate + publish));
}

describe("no more than the burst and one publish gets through", () => {
  test("of eight frames of 20 events at once on one socket, at a rate of 10", async () => {
    await using node = await nodeWith(10);
    using channel = await openPublishChannel(node.wsUrl);
    await expectKept(node, { rate: 10, publish: 20 }, async () => {
      for (let i = 0; i < 8; i++) channel.send(events(`f${i}`, 20));
      const answers: Frame[] = [];
      while (answers.length < 8) answers.push(await channel.next());
      expect(answers[0]).toMatchObject({ type: "ack", count: 20 });
      expect(answers.filter(({ type }) => type === "error").length).toBeGreaterThan(4);
    });
  });

  test("of 50 sockets with a frame of 5,000 events each, at a rate of 10", async () => {
    await using node = await nodeWith(10);
    const channels = await Promise.all(Array.from({ length: 50 }, () => openPublishChannel(node.wsUrl)));
    await expectKept(node, { rate: 10, publish: 5_000 }, async () => {
      for (const [i, channel] of channels.entries()) channel.send(events(`s${i}`, 5_000));
      const answers = await Promise.all(channels.map((channel) => channel.next()));
      const refused = answers.filter(({ type }) => type === "error");
      expect(refused).toHaveLength(49);
      for (const problem of refused) expect(problem).toMatchObject(TOO_FAST);
    });
    for (const channel of channels) channel[Symbol.dispose]();
  });

  test("of 50 requests of 5,000 events each, compressed or not, at a rate of 10", async () => {
    await using node = await nodeWith(10);
    await expectKept(node, { rate: 10, publish: 5_000 }, async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => {
          const text = JSON.stringify(events(`r${i}`, 5_000));
          if (i % 2 === 0) return node.post(text);
          return node.post(Bun.gzipSync(text), { headers: { "content-encoding": "gzip" } });
        }),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers) if (answer.status !== 200) await expectProblem(answer, TOO_FAST);
    });
  });

  test("where the names of members are spelt as escapes", async () => {
    await using node = await nodeWith(10);
    using channel = await openPublishChannel(node.wsUrl);
    await expectKept(node, { rate: 10, publish: 500 }, async () => {
      for (let i = 0; i < 8; i++)
        channel.send(JSON.stringify(events(`e${i}`, 500)).replaceAll("event_id", "i\\u0064"));
      for (let i = 0; i < 8; i++)
        expect(await channel.next()).toMatchObject(i === 0 ? { type: "ack", count: 500 } : TOO_FAST);
    });
  });
});

test("a body that was let in is refused once it is here, if others have used up what was there", async () => {
  await using node = await nodeWith(10);
  using upload = await RawSocket.connect(node.port);
  upload.write('POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: 19\r\n\r\n{"event_id":');
  await until(async () => (await node.getText("/metrics")).includes("\nonefold_bodies_arriving 1\n"));
  expect((await node.post(events("others", 2_000))).status).toBe(200);
  upload.write('"late"}');
  const answer = await upload.readResponse();
  expect(leftOf(answer)).toBe(0);
  expect((await expectProblem(answer, TOO_FAST)).retry_after).toBeGreaterThan(30);
  expect((await node.stats()).received).toBe(2_000);
});

/** Payloads that hold what a bound takes for events. */
const ALIKE = { id: "a", event_id: "b", lines: [{ id: 1, of: { id: 2 } }, { text: "\u00e9" }] };

test("what was charged too much is given back: the header tells the events that there were", async () => {
  const RATE = 1_000;
  await using node = await nodeWith(RATE);
  const from = performance.now();
  const lefts: number[] = [];
  const cost = async (answer: Promise<Response>, events: number): Promise<number> => {
    lefts.push(leftOf(await answer));
    return events;
  };
  let spent = await cost(node.post(events("a", 150, { payload: ALIKE })), 150);
  spent += await cost(node.post(events("a", 150, { payload: ALIKE })), 150);
  const escapes = JSON.stringify({ events: events("b", 100, { payload: ALIKE }) }).replace(
    "b-0",
    "\\u0062-0",
  );
  spent += await cost(node.post(escapes), 100);
  // One that is decoded and refused, and an empty one, cost one event; one that is not looked at costs none.
  spent += await cost(node.post([...events("c", 100), { event_i: "misspelt" }]), 1);
  spent += await cost(node.post([]), 1);
  spent += await cost(node.post("[", { headers: { "content-encoding": "br" } }), 0);
  const cameBack = ((performance.now() - from) / 1_000) * RATE;
  expect(lefts).toHaveLength(6);
  expect(lefts.at(-1)).toBeWithin(RATE - spent, Math.min(RATE, RATE - spent + Math.ceil(cameBack)) + 1);
  expect(lefts[0]).toBeGreaterThanOrEqual(RATE - 150);
  expect((await node.stats()).received).toBe(400);
});

test("frames that are refused because too many wait for their answer cost no event", async () => {
  const [rate, inflight, frames] = [1_000, 64, 300];
  await using node = await nodeWith(rate, "--max-inflight", String(inflight));
  using socket = await RawSocket.upgrade(node.port, "/ws/publish");
  await socket.nextFrame();
  // In one piece, so that most arrive before any is answered; all together are more than the rate.
  const pieces = Array.from({ length: frames }, (_, i) =>
    maskedFrame(OPCODE.text, JSON.stringify(events(String(i), 5))),
  );
  await socket.writeAll(Buffer.concat(pieces));
  const answers: Partial<Frame>[] = [];
  while (answers.length < frames)
    answers.push(JSON.parse((await socket.nextFrame()).payload.toString()) as Partial<Frame>);
  const count = (code: string | undefined) => answers.filter((answer) => answer.code === code).length;
  expect(count("too_many_in_flight")).toBeGreaterThan(0);
  expect(count(undefined)).toBeGreaterThanOrEqual(inflight);
  expect(count("too_many_in_flight") + count(undefined)).toBe(frames);
  expect((await node.stats()).received).toBe(count(undefined) * 5);
});

test("a publisher that keeps to 80 % of its rate, and sends on before it is answered, is never refused", async () => {
  const [rate, frameEvents, everyMs, frames, window] = [1_000, 8, 10, 300, 20];
  await using node = await nodeWith(rate);
  using channel = await openPublishChannel(node.wsUrl);
  const answers: Frame[] = [];
  for (let i = 0; i < frames; i++) {
    const sentAt = performance.now();
    channel.send({ type: "publish", id: i, events: events(`h${i}`, frameEvents, { payload: ALIKE }) });
    while (channel.pending > 0 || i + 1 - answers.length >= window) answers.push(await channel.next());
    await Bun.sleep(Math.max(0, sentAt + everyMs - performance.now()));
  }
  while (answers.length < frames) answers.push(await channel.next());
  expect(answers.filter(({ type }) => type !== "ack")).toEqual([]);
  expect((await node.stats()).received).toBe(frames * frameEvents);
});
