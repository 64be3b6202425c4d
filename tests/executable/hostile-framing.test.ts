/** Requests hidden in requests: where a body ends is never in doubt, and what is hidden in one is never carried out. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { expectProblem, NO_COUNTERS } from "../support/contract.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { RawSocket } from "../support/raw-socket.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const EVENT = '{"topic":"smuggled","event_id":"1"}';
const HIDDEN = `POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${EVENT.length}\r\n\r\n${EVENT}`;
const SIZE = EVENT.length.toString(16);
const CHUNKED = "transfer-encoding: chunked";

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterEach(async () => {
  expect(await node.stats()).toMatchObject({ ...NO_COUNTERS, topics: {} });
  expect(node.output.trimEnd().split("\n")).toHaveLength(1);
});
afterAll(() => node[Symbol.asyncDispose]());

function post(headers: string, body: string): string {
  return `POST /publish HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n\r\n${body}`;
}

/** Bun's parser answers with a status alone, once, and ends the connection with all that is on it. */
async function expectRefusedByParser(bytes: string, status: number): Promise<void> {
  for (const at of [bytes.length, Math.floor(bytes.length / 2), bytes.indexOf("\r\n\r\n") + 4]) {
    using socket = await RawSocket.connect(node.port);
    await socket.writeAll(Buffer.from(bytes.slice(0, at), "latin1"));
    // The second part goes out once the first has been seen: a question that was asked later has been answered.
    await node.getText("/health/live");
    socket.write(Buffer.from(bytes.slice(at), "latin1"));
    await socket.ended;
    expect(socket.received.match(/HTTP\/1\.1 \d{3}/g)).toEqual([`HTTP/1.1 ${status}`]);
  }
}

describe("a length in doubt ends the connection", () => {
  const end = `0\r\n\r\n${HIDDEN}`;
  test.each([
    ["content-length before transfer-encoding", `content-length: 5\r\n${CHUNKED}`],
    ["transfer-encoding before content-length", `${CHUNKED}\r\ncontent-length: 5`],
    ["content-length of the whole and transfer-encoding", `content-length: ${end.length}\r\n${CHUNKED}`],
    ["two transfer-encodings", `${CHUNKED}\r\ntransfer-encoding: identity`],
    ["two transfer-encodings, the other way about", `transfer-encoding: identity\r\n${CHUNKED}`],
    ["a coding before chunked", "transfer-encoding: gzip, chunked"],
    ["a coding after chunked", "transfer-encoding: chunked, identity"],
    ["a coding that nearly is chunked", "transfer-encoding: xchunked"],
    ["a space before the colon", "transfer-encoding : chunked"],
    ["a control character before the value", "transfer-encoding: \u000bchunked"],
    ["a folded transfer-encoding", "transfer-encoding:\r\n chunked"],
    ["a folded header", "x-folded: a\r\n b\r\ncontent-length: 5"],
    ["a line that ends in LF alone", "x-a: b\ncontent-length: 5"],
    ["a CR inside of a value", "x-a: b\rtransfer-encoding: chunked\r\ncontent-length: 5"],
    ["a NUL inside of a value", "x-a: b\0\r\ncontent-length: 5"],
    ["two lengths", "content-length: 5\r\ncontent-length: 12"],
    ["two lengths, the longer one first", `content-length: ${end.length}\r\ncontent-length: 5`],
    ["a list of lengths", "content-length: 5, 5"],
    ["a length with a plus", "content-length: +5"],
    ["a length with a minus", "content-length: -5"],
    ["a length in hexadecimal", "content-length: 0x5"],
    ["a length with a space inside", "content-length: 5 0"],
    ["a length with an exponent", "content-length: 5e0"],
    ["a length beyond 64 bits", "content-length: 18446744073709551621"],
    ["an empty length", "content-length:"],
  ])("%s", (_, headers) => expectRefusedByParser(post(headers, end), 400));
});

describe("a chunk in doubt ends the connection", () => {
  test.each([
    ["a size that is no number", `zz\r\n${EVENT}\r\n`],
    ["a size with a minus", `-5\r\n${EVENT}\r\n`],
    ["a size with a plus", `+${SIZE}\r\n${EVENT}\r\n`],
    ["a size with 0x", `0x${SIZE}\r\n${EVENT}\r\n`],
    ["a size with a space before it", ` ${SIZE}\r\n${EVENT}\r\n`],
    ["a size with a space behind it", `${SIZE} \r\n${EVENT}\r\n`],
    ["no size", `\r\n${EVENT}\r\n`],
    ["a size of 64 bits", `ffffffffffffffff\r\n${EVENT}\r\n`],
    ["a size of more than 64 bits", `100000000000000${SIZE}\r\n${EVENT}\r\n`],
    ["lines that end in LF alone", `${SIZE}\n${EVENT}\n`],
    ["a chunk that is longer than its size", `5\r\n${EVENT}\r\n`],
    ["something else than a line end behind it", `${SIZE}\r\n${EVENT}XX`],
  ])("%s", (_, chunk) => expectRefusedByParser(post(CHUNKED, `${chunk}0\r\n\r\n${HIDDEN}`), 400));

  test("a size with an extension of 20 kB", () =>
    expectRefusedByParser(post(CHUNKED, `${SIZE};${"x".repeat(20_000)}\r\n${EVENT}\r\n0\r\n\r\n`), 413));

  test("a trailer", () =>
    expectRefusedByParser(post(CHUNKED, `5\r\n{"a":\r\n0\r\ncontent-length: 5\r\n\r\n${HIDDEN}`), 400));
});

describe("a body is a body, whatever it looks like", () => {
  const length = `content-length: ${HIDDEN.length}`;
  const chunk = `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`;
  test.each([
    ["of a GET", `GET /health/live HTTP/1.1\r\nhost: localhost\r\n${length}\r\n\r\n${HIDDEN}`, 200],
    [
      "of a GET, in chunks",
      `GET /health/live HTTP/1.1\r\nhost: localhost\r\n${CHUNKED}\r\n\r\n${chunk}`,
      200,
    ],
    [
      "of nothing that there is",
      `POST /nothing HTTP/1.1\r\nhost: localhost\r\n${length}\r\n\r\n${HIDDEN}`,
      404,
    ],
    ["of a wrong method", `DELETE /publish HTTP/1.1\r\nhost: localhost\r\n${length}\r\n\r\n${HIDDEN}`, 405],
    ["that is no event", post(length, HIDDEN), 400],
    ["that is no event, in chunks", post(CHUNKED, chunk), 400],
    ["of a type that is not known", post(`content-type: text/plain\r\n${length}`, HIDDEN), 415],
    ["that is too large", post(`${length}\r\ncontent-encoding: gzip`, HIDDEN), 400],
    ["of a handshake without a key", handshake(`${length}\r\nupgrade: websocket`, HIDDEN), 405],
  ])("a request in the body %s stays there, and the connection in step", async (_, bytes, status) => {
    using socket = await RawSocket.connect(node.port);
    socket.write(bytes);
    expect((await socket.readResponse()).status).toBe(status);
    socket.write("GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n");
    const next = await socket.readResponse();
    expect([next.status, ((await next.json()) as { status: string }).status]).toEqual([200, "healthy"]);
    expect(socket.received).toBe("");
  });

  function handshake(headers: string, body: string): string {
    return `GET /ws/publish HTTP/1.1\r\nhost: localhost\r\nsec-websocket-version: 13\r\n${headers}\r\n\r\n${body}`;
  }
});

describe("a change of protocol hides nothing", () => {
  const upgrade = (version: number): string =>
    `GET /ws/publish HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: ${version}\r\n\r\n`;

  test("a request behind a handshake of another version is dropped with the connection", () =>
    expectRefusedByParser(`${upgrade(8)}${HIDDEN}`, 426));

  test("a request behind a handshake that succeeds is a frame that is none", async () => {
    using socket = await RawSocket.connect(node.port);
    socket.write(`${upgrade(13)}${HIDDEN}`);
    await socket.ended;
    expect(socket.received.match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 101"]);
  });

  test("HTTP/2 is not spoken: neither by its preface nor by an upgrade", async () => {
    await expectRefusedByParser("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400);
    using socket = await RawSocket.connect(node.port);
    socket.write(
      "GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    expect((await socket.readResponse()).status).toBe(200);
  });

  test("TLS where none is spoken ends the connection", async () => {
    using socket = await RawSocket.connect(node.port);
    socket.write(new Uint8Array([0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3]));
    await socket.ended;
    expect(socket.received).toStartWith("HTTP/1.1 400 ");
  });
});

test("a problem document does not repeat a request that was hidden", async () => {
  const response = await node.post(HIDDEN);
  const problem = await expectProblem(response, { status: 400, code: "malformed_json" });
  expect(JSON.stringify(problem)).not.toContain("smuggled");
});
