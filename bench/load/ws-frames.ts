/** As much of RFC 6455 as the load needs: text frames out, text frames in. Cheaper than a WebSocket by far. */

const FIN_TEXT = 0x81;
const FIN_CLOSE = 0x88;
const MASKED = 0x80;

/** Lengths up to here stand in the second byte; 126 and 127 announce two and eight bytes of length. */
const SHORT_BYTES_MAX = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** The head of a client's text frame. Its mask is zero, so that the payload goes out as it is. */
export function frameHead(payloadBytes: number): Buffer {
  const noMask = [0, 0, 0, 0];
  if (payloadBytes <= SHORT_BYTES_MAX) return Buffer.from([FIN_TEXT, MASKED | payloadBytes, ...noMask]);
  if (payloadBytes <= 0xffff) {
    return Buffer.from([FIN_TEXT, MASKED | LENGTH_16, payloadBytes >> 8, payloadBytes & 0xff, ...noMask]);
  }
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(payloadBytes));
  return Buffer.from([FIN_TEXT, MASKED | LENGTH_64, ...length, ...noMask]);
}

/** A request to upgrade; the key is the RFC's example, for nobody checks the answer to it. */
export function upgradeRequest({ host, pathname, search }: URL): string {
  const head = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
  ];
  return [...head, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "\r\n"].join(
    "\r\n",
  );
}

/** @param short what stands in the second byte of the frame at `at`. */
function payloadLength(bytes: Buffer, at: number, short: number): number {
  if (short === LENGTH_64) return Number(bytes.readBigUInt64BE(at + 2));
  return short === LENGTH_16 ? bytes.readUInt16BE(at + 2) : short;
}

const NOTHING = Buffer.alloc(0);

const HTTP_HEAD_END = "\r\n\r\n";

/** Takes what a server sends, in pieces as they come, and hands out the payloads of its frames. */
export class FrameReader {
  #rest: Buffer = NOTHING;
  #isUpgraded = false;

  /** @throws Error when the server does not upgrade, closes, or sends anything but text. */
  read(chunk: Buffer, onText: (bytes: Buffer, start: number, end: number) => void): void {
    // The chunk is only valid during the call.
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = this.#isUpgraded ? 0 : this.#skipHttpHead(bytes);
    while (at + 2 <= bytes.length) {
      const short = bytes[at + 1]!;
      const start = at + (short === LENGTH_64 ? 10 : short === LENGTH_16 ? 4 : 2);
      if (start > bytes.length) break;
      const end = start + payloadLength(bytes, at, short);
      if (end > bytes.length) break;
      if (bytes[at] === FIN_CLOSE) throw new Error(`the server closed with ${bytes.readUInt16BE(start)}`);
      if (bytes[at] !== FIN_TEXT) throw new Error(`the server sent a frame that starts with ${bytes[at]}`);
      onText(bytes, start, end);
      at = end;
    }
    this.#rest = at === bytes.length ? NOTHING : Buffer.from(bytes.subarray(at));
  }

  #skipHttpHead(bytes: Buffer): number {
    const end = bytes.indexOf(HTTP_HEAD_END);
    if (end === -1) return 0;
    if (!bytes.subarray(0, end).toString("latin1").startsWith("HTTP/1.1 101 ")) {
      throw new Error(`the server did not upgrade: ${bytes.subarray(0, end)}`);
    }
    this.#isUpgraded = true;
    return end + HTTP_HEAD_END.length;
  }
}
