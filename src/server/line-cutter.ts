/** Gathers bytes as they come and cuts them where lines end: into pieces of whole lines, as large as is useful. */

import { type Problem, ProblemError, problem } from "../problem.ts";

const LINE_FEED = 0x0a;

/** A piece holds no more, unless it is one line: a longer one would hold up the answers of others, and save nothing. */
export const PIECE_BYTES_MAX = 256 * 1024;

/** A buffer of this size is kept, however little it holds. */
const BUFFER_BYTES_MIN = 64 * 1024;

/** A buffer that holds less than one part in so many is larger than it need be. */
const BUFFER_USED_SHARE = 4;

export class LineCutter {
  #bytes: Buffer = Buffer.alloc(0);
  /** What has been gathered and not been cut off yet stands between these two. */
  #start = 0;
  #end = 0;
  /** The place after the last line break among it, or `#start`. */
  #linesEnd = 0;
  readonly #pieceBytesMax: number;

  /** @param lineBytesMax bytes of one line, without its line feed. */
  constructor(private readonly lineBytesMax: number) {
    // Then a line that is too long is one that does not fit into a piece, and no other line need be measured.
    this.#pieceBytesMax = Math.min(lineBytesMax, PIECE_BYTES_MAX);
  }

  /** Bytes of memory that it takes. */
  get heldBytes(): number {
    return this.#bytes.length;
  }

  get hasLines(): boolean {
    return this.#linesEnd > this.#start;
  }

  /** Whether what has been gathered is enough for a piece of the full size. */
  get isFull(): boolean {
    return this.#linesEnd - this.#start >= this.#pieceBytesMax;
  }

  /** Whether the line that has not ended yet is longer than a line may be. */
  get isLineTooLong(): boolean {
    return this.#end - this.#linesEnd > this.lineBytesMax;
  }

  append(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#bytes.length) this.#makeRoom(chunk.length);
    this.#bytes.set(chunk, this.#end);
    const at = chunk.lastIndexOf(LINE_FEED);
    if (at >= 0) this.#linesEnd = this.#end + at + 1;
    this.#end += chunk.length;
  }

  /** Whole lines; undefined when there are none. Valid until the next `append`. @throws ProblemError `body_too_large` */
  take(): Uint8Array | undefined {
    if (!this.hasLines) return undefined;
    if (!this.isFull) return this.#cut(this.#linesEnd);
    const within = this.#bytes.lastIndexOf(LINE_FEED, this.#start + this.#pieceBytesMax - 1);
    if (within >= this.#start) return this.#cut(within + 1);
    const lineEnd = this.#bytes.indexOf(LINE_FEED, this.#start + this.#pieceBytesMax);
    if (lineEnd - this.#start > this.lineBytesMax) throw new ProblemError(this.lineTooLong);
    return this.#cut(lineEnd + 1);
  }

  /** The last line, which no line feed ends; undefined when there is none. */
  takeRest(): Uint8Array | undefined {
    return this.#start === this.#end ? undefined : this.#cut(this.#end);
  }

  /** Gives back memory that is not needed for what is there. */
  shrink(): void {
    const used = this.#end - this.#start;
    if (this.#bytes.length > BUFFER_BYTES_MIN && used * BUFFER_USED_SHARE < this.#bytes.length)
      this.#moveTo(used);
  }

  #cut(end: number): Uint8Array {
    const piece = this.#bytes.subarray(this.#start, end);
    this.#start = end;
    this.#linesEnd = Math.max(this.#linesEnd, end);
    return piece;
  }

  get lineTooLong(): Problem {
    return problem("body_too_large", `A line may have ${this.lineBytesMax} bytes (--max-body-bytes).`);
  }

  #makeRoom(bytes: number): void {
    const used = this.#end - this.#start;
    if (used + bytes > this.#bytes.length) this.#moveTo(used + bytes);
    else {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#moved();
    }
  }

  /** To a new buffer with room for so many bytes. */
  #moveTo(bytes: number): void {
    const room = 2 ** Math.ceil(Math.log2(Math.max(bytes, BUFFER_BYTES_MIN)));
    const moved = Buffer.allocUnsafeSlow(room);
    this.#bytes.copy(moved, 0, this.#start, this.#end);
    this.#bytes = moved;
    this.#moved();
  }

  #moved(): void {
    this.#linesEnd -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
