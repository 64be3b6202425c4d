/**
 * The dedup key's fingerprint: 128 bits from two HalfSipHash-2-4 with independent secret keys.
 *
 * HalfSipHash (J.-P. Aumasson, D. J. Bernstein, https://github.com/veorq/SipHash) is a keyed hash in 32-bit
 * words, which is what JavaScript computes fast. The key is a secret of the database file, so nobody outside
 * can aim ids at one another. Equal fingerprints are never taken as equal keys while the event is stored.
 */

/** Words of a fingerprint. Memory holds the first two, the file all four. */
export const FINGERPRINT_WORDS = 4;

/** Bytes of the secret that keys the two hashes. */
export const FINGERPRINT_KEY_BYTES = 16;

/** Words that any key fits in: its number, its length, and two texts of at most 255 code points in UTF-16. */
const KEY_WORDS_MAX = 4 + 2 * 256;

export class Fingerprinter {
  readonly #key: Int32Array;
  readonly #words = new Int32Array(KEY_WORDS_MAX);

  /** @param key 16 secret bytes. */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, FINGERPRINT_KEY_BYTES);
    this.#key = Int32Array.from({ length: 4 }, (_, i) => view.getInt32(4 * i, true));
  }

  /**
   * Writes the fingerprint of (topic, scope, id) to `out`, four words from `offset`.
   * @param topicId the topic's number in this file.
   */
  write(topicId: number, scope: string, eventId: string, out: Uint32Array, offset: number): void {
    const words = this.#words;
    words[0] = topicId;
    // The length parts scope from id, the lowest bit the two encodings: no two keys give the same words.
    words[1] = scope.length << 1;
    let count = scope.length === 0 ? 2 : packLatin1(scope, words, 2);
    if (count !== TOO_WIDE) count = packLatin1(eventId, words, count);
    if (count === TOO_WIDE) {
      words[1]! |= 1;
      count = packUtf16(eventId, words, scope.length === 0 ? 2 : packUtf16(scope, words, 2));
    }
    const key = this.#key;
    halfSipHash(words, count, key[0]!, key[1]!, out, offset);
    halfSipHash(words, count, key[2]!, key[3]!, out, offset + 2);
  }
}

/** HalfSipHash-2-4 with a 64-bit result over `count` words, the last of which carries the length. */
export function halfSipHash(
  words: Int32Array,
  count: number,
  key0: number,
  key1: number,
  out: Uint32Array,
  offset: number,
): void {
  let v0 = key0;
  let v1 = key1 ^ 0xee;
  let v2 = 0x6c796765 ^ key0;
  let v3 = 0x74656462 ^ key1;
  // Two rounds a word, then twice four to finish: one loop over steps, so that the round stands here once.
  for (let step = 0; step < count + 2; step++) {
    const word = step < count ? words[step]! : 0;
    let rounds = 2;
    v3 ^= word;
    if (step >= count) {
      rounds = 4;
      if (step === count) v2 ^= 0xee;
      else {
        out[offset] = v1 ^ v3;
        v1 ^= 0xdd;
      }
    }
    do {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    } while (--rounds > 0);
    v0 ^= word;
  }
  out[offset + 1] = v1 ^ v3;
}

/** Instead of a count of words. */
const TOO_WIDE = 0;

/** Four characters a word; the last word carries the rest and the length, as HalfSipHash has it. */
function packLatin1(text: string, words: Int32Array, start: number): number {
  const { length } = text;
  const whole = length & ~3;
  let at = start;
  let seen = 0;
  for (let i = 0; i < whole; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    seen |= a | b | c | d;
    words[at++] = a | (b << 8) | (c << 16) | (d << 24);
  }
  let last = length << 24;
  for (let i = whole; i < length; i++) {
    const unit = text.charCodeAt(i);
    seen |= unit;
    last |= unit << (8 * (i - whole));
  }
  words[at++] = last;
  return seen > 0xff ? TOO_WIDE : at;
}

/** Two UTF-16 units a word. */
function packUtf16(text: string, words: Int32Array, start: number): number {
  const { length } = text;
  let at = start;
  for (let i = 0; i + 1 < length; i += 2) {
    words[at++] = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16);
  }
  words[at++] = length & 1 ? (length << 16) | text.charCodeAt(length - 1) : length << 16;
  return at;
}
