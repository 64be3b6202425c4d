/** The numbers at the front of a statistics frame, read from its bytes: ten thousand times the same is not worth parsing. */

const DELTA = Buffer.from('{"type":"delta","epoch":"');
const FROM = Buffer.from('","from":');
const REVISION = Buffer.from(',"revision":');
const RECEIVED = Buffer.from(',"received":');

/** Every epoch is a UUID. */
const EPOCH_BYTES = 36;

const ZERO = 48;

/** Reads one frame after the other into its own fields. */
export class StatsHead {
  from = 0;
  revision = 0;
  received = 0;
  #at = 0;

  /** Whether it is a delta. @throws Error when it begins as one and does not go on as one. */
  read(bytes: Uint8Array, start: number): boolean {
    this.#at = start;
    if (!this.#skip(bytes, DELTA)) return false;
    this.#at += EPOCH_BYTES;
    this.from = this.#number(bytes, FROM);
    this.revision = this.#number(bytes, REVISION);
    this.received = this.#number(bytes, RECEIVED);
    return true;
  }

  #number(bytes: Uint8Array, before: Uint8Array): number {
    if (!this.#skip(bytes, before)) throw new Error(`a delta has no ${Buffer.from(before)}`);
    let number = 0;
    for (;;) {
      const digit = bytes[this.#at]! - ZERO;
      if (!(digit >= 0 && digit <= 9)) return number;
      number = number * 10 + digit;
      this.#at++;
    }
  }

  #skip(bytes: Uint8Array, text: Uint8Array): boolean {
    for (let i = 0; i < text.length; i++) if (bytes[this.#at + i] !== text[i]) return false;
    this.#at += text.length;
    return true;
  }
}
