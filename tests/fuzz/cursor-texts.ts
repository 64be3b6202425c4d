/** Cursors as they were given out, and as they never were: cut, changed, forged, of another kind. */

import type { Random } from "../simulation/random.ts";

/** One of each kind, as the node under test gives them out before anything is stored. */
export interface GivenCursors {
  readonly events: string;
  readonly stats: string;
}

export interface CursorText {
  readonly text: string;
  /** Whether it must be refused; otherwise that depends on what is stored. */
  readonly isBad: boolean;
}

const CHECKSUM_BYTES = 4;
const NUMBER_BYTES = 8;

const NEVER_GIVEN = [
  "latest ",
  "LATEST",
  "AAAA",
  "null",
  "-1",
  "1e3",
  "0x10",
  "__proto__",
  "9007199254740993",
  "١",
];

export class CursorTexts {
  constructor(
    private readonly random: Random,
    private readonly given: GivenCursors,
  ) {}

  /** For a place that takes those of one kind. */
  next(kind: keyof GivenCursors): CursorText {
    const { random, given } = this;
    const cursor = given[kind];
    const how = random.weighted({ asIs: 3, other: 1, cut: 2, flipped: 3, forged: 4, spelt: 1, never: 2 });
    if (how === "asIs") return { text: cursor, isBad: false };
    if (how === "other") return bad(given[kind === "events" ? "stats" : "events"]);
    if (how === "cut") return bad(cursor.slice(0, random.between(1, cursor.length - 1)));
    if (how === "flipped") return bad(flipped(random, cursor));
    if (how === "spelt")
      return bad(random.pick([`${cursor}=`, `${cursor}AAAA`, cursor.repeat(2), ` ${cursor}.`]));
    if (how === "never") return bad(random.pick(NEVER_GIVEN));
    return this.#forged(cursor);
  }

  /** With a checksum that is right: its fields alone say what it is worth. */
  #forged(cursor: string): CursorText {
    const { random } = this;
    const bytes = Buffer.from(cursor, "base64url");
    const numberAt = bytes.length - CHECKSUM_BYTES - NUMBER_BYTES;
    const field = random.pick(["kind", "digest", "number"] as const);
    if (field === "kind") bytes[0] = random.pick([0, 3, 127, 255]);
    else if (field === "digest") bytes[random.between(1, numberAt - 1)]! ^= 1 << random.below(8);
    else bytes.writeBigUInt64BE(random.pick(NUMBERS), numberAt);
    bytes.writeUInt32BE(Bun.hash.crc32(bytes.subarray(0, -CHECKSUM_BYTES)), bytes.length - CHECKSUM_BYTES);
    // Statistics of another epoch, or of a revision that is gone, begin anew.
    const isOpen = cursor === this.given.stats && field !== "kind";
    return { text: bytes.toString("base64url"), isBad: !isOpen };
  }
}

/** Beyond every event, beyond what a double tells apart, and beyond what a signed number holds. */
const NUMBERS = [2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

function bad(text: string): CursorText {
  return { text, isBad: true };
}

function flipped(random: Random, cursor: string): string {
  const bytes = Buffer.from(cursor, "base64url");
  bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return bytes.toString("base64url");
}
