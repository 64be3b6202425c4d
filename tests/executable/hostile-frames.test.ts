/** Frames that break the rules of WebSockets, compressed ones included: the socket ends, and nothing of them is stored. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { deflateRawSync } from "node:zlib";
import { type FrameBits, frameBytes } from "../fuzz/ws-frame.ts";
import { NO_COUNTERS } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { OPCODE, RawSocket } from "../support/raw-socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const MIB = 1024 * 1024;
const CONTINUATION = 0;
const EVENT = Buffer.from('{"topic":"never","event_id":"1"}');

const PATHS = ["/ws/publish", "/ws/stats"] as const;

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterEach(async () => {
  expect(await node.stats()).toMatchObject({ ...NO_COUNTERS, topics: {} });
  expect(node.output.trimEnd().split("\n")).toHaveLength(1);
});
afterAll(() => node[Symbol.asyncDispose]());

/** A code in a closing frame, and a reason behind it. */
function closing(code: number, reason: string | Uint8Array = ""): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(2), Buffer.from(reason as string)]);
  bytes.writeUInt16BE(code);
  return bytes;
}

async function expectEnd(...frames: readonly FrameBits[]): Promise<void> {
  for (const path of PATHS) {
    using socket = await RawSocket.upgrade(node.port, path);
    await socket.nextFrame();
    socket.write(Buffer.concat(frames.map(frameBytes)));
    await socket.ended;
    // A closing frame may come, and no answer.
    expect(Buffer.from(socket.received, "latin1").subarray(0, 1).toString("hex")).toMatch(/^(?:|88)$/);
  }
}

describe("a frame that no client may send ends the socket", () => {
  const text = { opcode: OPCODE.text, payload: EVENT };
  test.each([
    ["a reserved bit", { ...text, reserved: 1 }],
    ["all reserved bits", { ...text, reserved: 7 }],
    ["the bit of permessage-deflate, which is not spoken", { ...text, reserved: 4 }],
    ["a reserved opcode", { ...text, opcode: 3 }],
    ["a reserved opcode of a control frame", { ...text, opcode: 11 }],
    ["a continuation of nothing", { ...text, opcode: CONTINUATION }],
    ["a ping of 126 bytes", { opcode: OPCODE.ping, payload: Buffer.alloc(126) }],
    ["a closing frame of 126 bytes", { opcode: OPCODE.close, payload: closing(1000, "x".repeat(124)) }],
    ["a ping in pieces", { opcode: OPCODE.ping, payload: EVENT, isFinal: false }],
    ["a length of 2^63", { ...text, lengthBytes: 8, length: 1n << 63n }],
    ["a length of 2^40", { ...text, lengthBytes: 8, length: 1n << 40n }],
    ["ill-formed UTF-8", { ...text, payload: Buffer.from([0xc0, 0xaf]) }],
    ["an encoded surrogate", { ...text, payload: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]) }],
  ] as readonly (readonly [string, FrameBits])[])("%s", (_, bits) => expectEnd(bits));

  test("a text that begins while another one has not ended", () =>
    expectEnd({ ...text, isFinal: false }, text));

  test("ill-formed UTF-8 that is parted between two pieces", () =>
    expectEnd(
      { opcode: OPCODE.text, payload: Buffer.from([0x22, 0xe2]), isFinal: false },
      { opcode: CONTINUATION, payload: Buffer.from([0x22]) },
    ));
});

describe("a closing frame is answered by closing, whatever it says", () => {
  test.each([
    ["nothing", Buffer.alloc(0)],
    ["half a code", Buffer.alloc(1)],
    ["1000", closing(1000)],
    ["1005, which is never sent", closing(1005)],
    ["0", closing(0)],
    ["65535", closing(65_535)],
    ["a reason in ill-formed UTF-8", closing(1000, new Uint8Array([0xff, 0xfe]))],
  ])("%s", (_, payload) => expectEnd({ opcode: OPCODE.close, payload }));

  test("nothing that is sent behind it is carried out", () =>
    expectEnd(
      { opcode: OPCODE.close, payload: closing(1000) },
      { opcode: OPCODE.text, payload: EVENT },
      { opcode: OPCODE.text, payload: EVENT },
    ));
});

describe("permessage-deflate", () => {
  test.each(PATHS)("is not agreed to on %s, however it is offered", async (path) => {
    for (const offer of [
      "permessage-deflate",
      "permessage-deflate; client_max_window_bits; server_no_context_takeover",
      "x-webkit-deflate-frame, permessage-deflate",
    ]) {
      using socket = await RawSocket.connect(node.port);
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-extensions: ${offer}\r\n\r\n`,
      );
      const head = await socket.readHead();
      expect(head).toStartWith("HTTP/1.1 101 ");
      expect(head.toLowerCase()).not.toContain("sec-websocket-extensions");
    }
  });

  test("a bomb of 64 MiB in 64 kB ends the socket and takes no memory", async () => {
    const bomb = deflateRawSync(Buffer.alloc(64 * MIB, " "), { level: 9 });
    expect(bomb.length).toBeLessThan(80_000);
    const before = node.memoryMb("VmHWM");
    await expectEnd({ opcode: OPCODE.text, payload: bomb, reserved: 4 });
    expect(node.memoryMb("VmHWM") - before).toBeLessThan(32);
  });

  test("a bomb without the bit is a text that is no UTF-8", () =>
    expectEnd({ opcode: OPCODE.text, payload: deflateRawSync(Buffer.alloc(MIB, "x")) }));
});

test("subprotocols: ours is selected, a token never, and nothing else is told of them", async () => {
  const head = async (offer: string): Promise<string> => {
    using socket = await RawSocket.connect(node.port);
    socket.write(
      `GET /ws/stats HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: ${offer}\r\n\r\n`,
    );
    return await socket.readHead();
  };
  for (const offer of ["bearer.s3cr3t", "bearer.s3cr3t, __proto__", "constructor", "", ",,", "onefold.v2"]) {
    const answer = await head(offer);
    expect(answer).toStartWith("HTTP/1.1 101 ");
    expect(answer).not.toMatch(/s3cr3t|bearer|__proto__|constructor|onefold/);
  }
  expect(await head("bearer.s3cr3t, onefold.v1")).toMatch(/\r\nsec-websocket-protocol: onefold\.v1\r\n/i);
});
