/** As much of MQTT 3.1.1 as the bench needs: connect, subscribe and publish at QoS 0; packets in. */

const CONNECT = 0x10;
const CONNACK = 0x20;
export const PUBLISH = 0x30;
const SUBSCRIBE = 0x82;
export const SUBACK = 0x90;

const PROTOCOL_LEVEL = 4;
const CLEAN_SESSION = 2;

/** A length is written in groups of seven bits, the lowest first; the eighth says that more follow. */
const GROUP_BITS = 7;
const GROUP = 128;
const LENGTH_BYTES_MAX = 4;

export function connectPacket(clientId: string): Buffer {
  const keepAlive = [0, 0];
  return packet(
    CONNECT,
    text("MQTT"),
    Buffer.from([PROTOCOL_LEVEL, CLEAN_SESSION, ...keepAlive]),
    text(clientId),
  );
}

export function subscribePacket(topic: string): Buffer {
  const identifier = [0, 1];
  const qos = [0];
  return packet(SUBSCRIBE, Buffer.from(identifier), text(topic), Buffer.from(qos));
}

export function publishPacket(topic: string, payload: Buffer): Buffer {
  return packet(PUBLISH, text(topic), payload);
}

function packet(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  let rest = body.length;
  do {
    const group = rest % GROUP;
    rest = Math.floor(rest / GROUP);
    length.push(rest > 0 ? group | GROUP : group);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** Takes what the broker sends and hands out its packets: their first byte and what they hold. */
export class PacketReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws Error when the broker refuses the connection, or sends no MQTT. */
  read(chunk: Buffer, onPacket: (type: number, body: Buffer) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const size = lengthAt(bytes, at + 1);
      if (size === undefined || size.end + size.length > bytes.length) break;
      const body = bytes.subarray(size.end, size.end + size.length);
      if (bytes[at] === CONNACK && body[1] !== 0) throw new Error(`the broker refused with ${body[1]}`);
      onPacket(bytes[at]!, body);
      at = size.end + size.length;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}

/** Undefined when not all of it has come. */
function lengthAt(bytes: Buffer, start: number): { length: number; end: number } | undefined {
  let length = 0;
  for (let i = 0; i < LENGTH_BYTES_MAX; i++) {
    const group = bytes[start + i];
    if (group === undefined) return undefined;
    length += (group % GROUP) * 2 ** (GROUP_BITS * i);
    if (group < GROUP) return { length, end: start + i + 1 };
  }
  throw new Error("the broker sent a length of more than four bytes");
}
