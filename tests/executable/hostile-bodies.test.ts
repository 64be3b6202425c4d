/** Bodies that are more than they look, or less: compressed bombs, cut and lengthened streams. */

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { expectProblem, NO_COUNTERS } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { Neighbour } from "../support/neighbour.ts";
import { NodeProcess } from "../support/node-process.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const MIB = 1024 * 1024;
const BODY_BYTES_MAX = 16 * MIB;
const BOMB_BYTES = 256 * MIB;

/** Beside a node that is idle: a body of the allowed size while it is decompressed, and what goes with them. */
const MEMORY_MB_MAX = 300;

const zstd = (body: Uint8Array): Uint8Array =>
  zstdCompressSync(body, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });

const ENCODINGS = [
  ["gzip", (body: Uint8Array): Uint8Array => gzipSync(body)],
  ["zstd", zstd],
] as const;

let node: NodeProcess;
let neighbour: Neighbour;
beforeAll(async () => {
  node = await NodeProcess.start();
});
beforeEach(async () => {
  neighbour = await Neighbour.beside(node);
});
afterEach(async () => {
  await neighbour.expectUndisturbed();
  await neighbour[Symbol.asyncDispose]();
  expect(node.memoryMb("VmHWM")).toBeLessThan(MEMORY_MB_MAX);
  expect(node.output.trimEnd().split("\n")).toHaveLength(1);
  expect(await node.stats("?topic=hostile")).toMatchObject(NO_COUNTERS);
});
afterAll(() => node[Symbol.asyncDispose]());

function send(encoding: string, body: Uint8Array): Promise<Response> {
  return node.post(new Uint8Array(body), { headers: { "content-encoding": encoding } });
}

describe.each(ENCODINGS)("%s", (encoding, compress) => {
  // Made before there is a neighbour: while it is made this process can do nothing else.
  const bomb = compress(Buffer.alloc(BOMB_BYTES, " "));
  const bombInBomb = compress(bomb);
  const manyFrames = Buffer.concat(Array.from({ length: 40 }, () => compress(Buffer.alloc(MIB, " "))));

  test("20 bombs of 256 MiB at one time are refused at the limit", async () => {
    expect(bomb.length).toBeLessThan(MIB);
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(encoding, bomb)));
    for (const answer of answers)
      if (answer.status === 503) await expectProblem(answer, { status: 503, code: "overloaded" });
      else await expectProblem(answer, { status: 413, code: "body_too_large" });
    expect(answers.some(({ status }) => status === 413)).toBeTrue();
  });

  test("a bomb in a bomb is a body of bytes that are no text", async () => {
    const answer = await send(encoding, bombInBomb);
    expect(answer.status).toBe(400);
    expect(["malformed_json", "malformed_utf8"]).toContain(((await answer.json()) as { code: string }).code);
  });

  test("many frames that are a bomb together", async () => {
    const answer = await send(encoding, manyFrames);
    await expectProblem(answer, { status: 413, code: "body_too_large" });
  });

  test("one byte over the limit is refused", async () => {
    const answer = await send(encoding, compress(Buffer.alloc(BODY_BYTES_MAX + 1, " ")));
    await expectProblem(answer, { status: 413, code: "body_too_large" });
  });

  test("a stream that is cut anywhere, its checksum included, or has more behind it is refused", async () => {
    const whole = compress(Buffer.from('{"topic":"hostile","event_id":"cut"}'));
    for (let cut = 0; cut < whole.length; cut++)
      await expectProblem(await send(encoding, whole.subarray(0, cut)), {
        status: 400,
        code: "malformed_json",
      });
    for (const more of ["\u0001", "rubbish behind it"])
      await expectProblem(await send(encoding, Buffer.concat([whole, Buffer.from(more)])), {
        status: 400,
        code: "malformed_json",
      });
  });

  test("a stream with any bit turned over is refused, or says what it said before", async () => {
    const whole = compress(Buffer.from('{"event_id":"flipped","topic":"hostile.flipped"}'));
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const answer = await send(encoding, flipped);
      if (answer.status === 200)
        expect(await answer.json()).toMatchObject({ topic: "hostile.flipped", event_id: "flipped" });
      else expect([400, 413]).toContain(answer.status);
    }
  });
});
