/**
 * Cursors: where a reader of events or of statistics stands, as a text that goes back as it came.
 *
 * A cursor of events names the database it is of, in a digest, and a `seq`; one of statistics names an epoch and a
 * revision. A checksum tells one that was cut or changed: it guards against mistakes, and keeps no secret. The bytes
 * are a multiple of three, so that every character of the base64url stands for something.
 */

/** The first byte: what it is a cursor of, in this version of the layout. */
const KIND_EVENTS = 1;
const KIND_STATS = 2;

const DATABASE_DIGEST_BYTES = 5;
const EPOCH_DIGEST_BYTES = 8;
const NUMBER_BYTES = 8;
const CHECKSUM_BYTES = 4;

const NO_CURSOR = "is no cursor that was given out: it has been cut or changed";

/** What a cursor says, or why it says nothing. */
export type EventCursor = { readonly seq: number } | { readonly fault: string };
export type StatsCursor =
  | { readonly epochDigest: string; readonly revision: number }
  | { readonly fault: string };

export class Cursors {
  #database: string | undefined;
  /** Most cursors of statistics are of the same epoch. */
  #epoch = { name: "", digest: "" };

  /** Which database it is that cursors of events are of. */
  opened(databaseId: string): void {
    this.#database = digestOf(databaseId, DATABASE_DIGEST_BYTES);
  }

  /** Only once it has been opened. */
  ofEvent(seq: number): string {
    if (this.#database === undefined) throw new Error("a cursor was asked for before there was a database");
    return written(KIND_EVENTS, this.#database, seq);
  }

  ofStats(epoch: string, revision: number): string {
    return written(KIND_STATS, this.epochDigest(epoch), revision);
  }

  /** What a cursor of statistics has in place of its epoch. */
  epochDigest(epoch: string): string {
    if (this.#epoch.name !== epoch)
      this.#epoch = { name: epoch, digest: digestOf(epoch, EPOCH_DIGEST_BYTES) };
    return this.#epoch.digest;
  }

  /** Before it has been opened, the cursor of another database has no fault yet. */
  event(text: string): EventCursor {
    const read = readCursor(text);
    if (read === undefined) return { fault: NO_CURSOR };
    if (read.kind !== KIND_EVENTS) return { fault: "is a cursor of statistics, not of events" };
    if (this.#database !== undefined && read.digest !== this.#database)
      return { fault: "is a cursor of another database" };
    return { seq: read.number };
  }

  stats(text: string): StatsCursor {
    const read = readCursor(text);
    if (read === undefined) return { fault: NO_CURSOR };
    if (read.kind !== KIND_STATS) return { fault: "is a cursor of events, not of statistics" };
    return { epochDigest: read.digest, revision: read.number };
  }
}

function digestOf(text: string, length: number): string {
  return new Bun.CryptoHasher("sha256").update(text).digest().subarray(0, length).toString("latin1");
}

/** @param digest one character a byte. */
function written(kind: number, digest: string, number: number): string {
  const bytes = Buffer.alloc(1 + digest.length + NUMBER_BYTES + CHECKSUM_BYTES);
  bytes[0] = kind;
  bytes.write(digest, 1, "latin1");
  bytes.writeBigUInt64BE(BigInt(number), 1 + digest.length);
  bytes.writeUInt32BE(checksumOf(bytes), bytes.length - CHECKSUM_BYTES);
  return bytes.toString("base64url");
}

interface ReadCursor {
  readonly kind: number;
  readonly digest: string;
  readonly number: number;
}

const DIGEST_BYTES: Readonly<Record<number, number>> = {
  [KIND_EVENTS]: DATABASE_DIGEST_BYTES,
  [KIND_STATS]: EPOCH_DIGEST_BYTES,
};

const CURSOR_LENGTH_MAX = 28;

function readCursor(text: string): ReadCursor | undefined {
  if (text.length > CURSOR_LENGTH_MAX || text.length % 4 !== 0 || !/^[\w-]+$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  const kind = bytes[0]!;
  const digestBytes = DIGEST_BYTES[kind];
  if (digestBytes === undefined || bytes.length !== 1 + digestBytes + NUMBER_BYTES + CHECKSUM_BYTES)
    return undefined;
  if (bytes.readUInt32BE(bytes.length - CHECKSUM_BYTES) !== checksumOf(bytes)) return undefined;
  const number = Number(bytes.readBigUInt64BE(1 + digestBytes));
  if (!Number.isSafeInteger(number)) return undefined;
  return { kind, digest: bytes.toString("latin1", 1, 1 + digestBytes), number };
}

function checksumOf(bytes: Buffer): number {
  return Bun.hash.crc32(bytes.subarray(0, bytes.length - CHECKSUM_BYTES));
}
