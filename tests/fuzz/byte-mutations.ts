/** Changes bytes without knowing what they mean: flips, cuts, copies, and bytes that no UTF-8 has. */

import type { Random } from "../simulation/random.ts";
import { ILL_FORMED_UTF8 } from "./hostile-texts.ts";

const CHANGES_MAX = 4;

/** Bytes that mean something to a parser of JSON, HTTP or frames. */
const TELLING_BYTES = [
  0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xff,
];

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export function mutated(random: Random, bytes: Buffer): Buffer {
  let changed = bytes;
  for (let changes = random.between(1, CHANGES_MAX); changes > 0; changes--)
    changed = changedOnce(random, changed);
  return changed;
}

function changedOnce(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.below(8)) {
    case 0:
      return before;
    case 1:
      return Buffer.concat([before, Buffer.from(random.pick(ILL_FORMED_UTF8)), after]);
    case 2:
      return Buffer.concat([before, Buffer.from([random.pick(TELLING_BYTES)]), after]);
    case 3:
      return Buffer.concat([before, after.subarray(random.below(9))]);
    case 4:
      return Buffer.concat([bytes.subarray(0, random.below(at + 1)), after]);
    case 5:
      return Buffer.concat([BYTE_ORDER_MARK, bytes]);
    case 6:
      return Buffer.concat([bytes, after]);
    default: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at]! ^= 1 << random.below(8);
      return flipped;
    }
  }
}
