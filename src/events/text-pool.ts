/** Short texts that come again and again, such as topics: each is taken out of the text around it once. */

import { standsAt } from "./characters.ts";
import { HASH_START, hashWith } from "./text-hash.ts";

/** A power of two. Texts that share a place take it in turn. */
const PLACES = 1_024;

export class TextPool {
  readonly #texts: string[] = Array(PLACES).fill("");

  /** `text.slice(start, end)`, but a copy that does not keep `text` in memory, and the same one as last time. */
  take(text: string, start: number, end: number): string {
    let hash = HASH_START;
    for (let at = start; at < end; at++) hash = hashWith(hash, text.charCodeAt(at));
    const place = (hash ^ (hash >>> 16)) & (PLACES - 1);
    const known = this.#texts[place]!;
    if (known.length === end - start && standsAt(text, start, known)) return known;
    const copy = copyOf(text.slice(start, end));
    this.#texts[place] = copy;
    return copy;
  }
}

/** A slice keeps the whole text it was taken from in memory; what is joined is new. */
function copyOf(slice: string): string {
  return [slice.slice(0, 1), slice.slice(1)].join("");
}
