/** WebSocket frames bit by bit (RFC 6455, 5.2): right ones, and ones that no client may send. */

export interface FrameBits {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly isFinal?: boolean;
  /** The three reserved bits, 0 to 7; the highest is what permessage-deflate sets. */
  readonly reserved?: number;
  readonly isMasked?: boolean;
  readonly mask?: readonly number[];
  /** Bytes of the length; the fewest that hold it unless told. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** The length that is announced; the payload's unless told. */
  readonly length?: bigint;
}

const DEFAULT_MASK = [0x11, 0x22, 0x33, 0x44] as const;

export function frameBytes(bits: FrameBits): Buffer {
  const { opcode, payload, isFinal = true, reserved = 0, isMasked = true, mask = DEFAULT_MASK } = bits;
  const length = bits.length ?? BigInt(payload.length);
  const lengthBytes = bits.lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] =
    (isMasked ? 0x80 : 0) | (lengthBytes === 0 ? Number(length & 127n) : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(Number(length & 0xffffn), 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(length, 2);
  if (!isMasked) return Buffer.concat([head, payload]);
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i]! ^= mask[i & 3]!;
  return Buffer.concat([head, Buffer.from(mask), masked]);
}
