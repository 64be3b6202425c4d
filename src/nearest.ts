/** Which known name somebody probably meant: used for unknown fields, parameters, flags. */

import { closest } from "fastest-levenshtein";

const bare = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** The known name nearest to `name`, whatever its case and separators. `known` must not be empty. */
export function nearest(name: string, known: readonly string[]): string {
  const candidates = known.map(bare);
  return known[candidates.indexOf(closest(bare(name.slice(0, 64)), candidates))]!;
}
