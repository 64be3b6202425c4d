/** Quantities as people write them: `30d`, `512MiB`, `2M`. */

export type QuantityUnit = "events" | "bytes" | "duration";

/** Milliseconds, bytes or events to one of the unit. */
const SCALES: Readonly<Record<QuantityUnit, Readonly<Record<string, number>>>> = {
  events: { "": 1, k: 1e3, M: 1e6, G: 1e9 },
  bytes: {
    ...{ "": 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
    ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
  },
  duration: { ms: 1, s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 },
};

const EXAMPLES: Readonly<Record<QuantityUnit, string>> = {
  events: "`1000000` or `2M`",
  bytes: "`512MiB` or `20GB`",
  duration: "`90s`, `12h` or `30d`",
};

/** Beyond it a double no longer tells neighbours apart. */
const MAX = Number.MAX_SAFE_INTEGER;

/** In events, bytes or milliseconds, a whole number; undefined where it cannot be read. */
export function parseQuantity(text: string, unit: QuantityUnit): number | undefined {
  const [, digits, suffix] = /^(\d{1,15}(?:\.\d{1,3})?)([A-Za-z]*)$/.exec(text) ?? [];
  const scale = suffix === undefined ? undefined : SCALES[unit][suffix];
  if (digits === undefined || scale === undefined) return digits === "0" && suffix === "" ? 0 : undefined;
  const value = Math.round(Number(digits) * scale);
  return value <= MAX ? value : undefined;
}

export function exampleOf(unit: QuantityUnit): string {
  return EXAMPLES[unit];
}
