/** Pieces of lines as text: decoded strictly, up to the first line that is not well-formed. */

import { type Problem, problem } from "../problem.ts";

const LINE_FEED = 0x0a;

/** The mark at the beginning of a text is none of it; anywhere else it is a character. */
const FIRST = new TextDecoder("utf-8", { fatal: true });
const FURTHER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export interface DecodedPiece {
  /** Whole lines. */
  readonly text: string;
  /** What is wrong with the line behind them. */
  readonly fault: Problem | undefined;
}

export class PieceText {
  #decoder = FIRST;

  decode(piece: Uint8Array): DecodedPiece {
    const decoder = this.#decoder;
    this.#decoder = FURTHER;
    try {
      return { text: decoder.decode(piece), fault: undefined };
    } catch {
      const text = decoder.decode(piece.subarray(0, wellFormedLines(piece)));
      return { text, fault: problem("malformed_utf8", "The line is not well-formed UTF-8.") };
    }
  }
}

/** The place before the first line that is not well-formed. */
function wellFormedLines(piece: Uint8Array): number {
  let start = 0;
  for (;;) {
    const end = piece.indexOf(LINE_FEED, start) + 1;
    try {
      FURTHER.decode(piece.subarray(start, end === 0 ? piece.length : end));
    } catch {
      return start;
    }
    start = end;
  }
}

/** Lines of a text, the last one included whether or not a line feed ends it. */
export function linesIn(text: string): number {
  let lines = text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
