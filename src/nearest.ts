/** Which known name somebody probably meant: used for unknown fields, parameters, flags, commands. */

import { closest, distance } from "fastest-levenshtein";

const bare = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** No known name is longer, and what is compared takes time with its length. */
const NAME_LENGTH_MAX = 64;

/** The shortest beginning of a name that is taken for it. */
const BEGINNING_LENGTH_MIN = 3;

/**
 * The known name nearest to `name`, whatever its case and separators: the only one that begins so, or the one that takes
 * the fewest changes. Undefined where more than half of `name` would have to change: that would mislead.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const given = bare(name.slice(0, NAME_LENGTH_MAX));
  const candidates = known.map(bare);
  const longer = candidates.filter((candidate) => candidate.startsWith(given));
  if (longer.length === 1 && given.length >= BEGINNING_LENGTH_MIN)
    return known[candidates.indexOf(longer[0]!)];
  if (candidates.length === 0) return undefined;
  const meant = closest(given, candidates);
  return distance(given, meant) > given.length / 2 ? undefined : known[candidates.indexOf(meant)];
}

/** `the nearest is …`, or where nothing is near, what there is. */
export function nearestOrAll(name: string, known: readonly string[], quote = ""): string {
  const meant = nearest(name, known);
  if (meant !== undefined) return `the nearest is ${quote}${meant}${quote}`;
  const all = known.map((each) => quote + each + quote).join(", ");
  return known.length === 1 ? `there is ${all} alone` : `there are ${all}`;
}
