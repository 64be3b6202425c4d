/** Numbers as JSON spells them: their value in one spelling, and whether a double can hold it. */

/** Numbers of so many decimal digits are the same after they were a double (IEEE 754). */
export const DIGITS_ALWAYS_EXACT = 15;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Spellings so short that `spelling` would keep them: at most twice the shortest of a number beyond all doubles (`1e309`)
 * and of minus zero (`-0`).
 */
const HUGE_LENGTH_MAX = 10;
const MINUS_ZERO_LENGTH_MAX = 4;

/** How a number is kept that a double cannot hold; undefined for one that it can, and for what is no number. */
export function inexactText(source: string): string | undefined {
  if (!NUMBER.test(source)) return undefined;
  const value = Number(source);
  if (!Number.isFinite(value) && source.length <= HUGE_LENGTH_MAX) return source;
  if (Object.is(value, -0) && source.length <= MINUS_ZERO_LENGTH_MAX) return source;
  const canonical = decimal(source);
  const isExact = !Object.is(value, -0) && Number.isFinite(value) && canonical === decimal(String(value));
  return isExact ? undefined : spelling(source, canonical);
}

/** A number stays as it was sent, unless that is much longer than need be: zeros without end, say. */
export function spelling(source: string, canonical: string): string {
  const shortest = canonical === "0" ? "-0" : canonical;
  return source.length > 2 * shortest.length && EXACT_DECIMAL.test(canonical) ? shortest : source;
}

const EXPONENT_DIGITS_MAX = 15;

/** What `decimal` makes of a number whose exponent it can compute with. */
const EXACT_DECIMAL = /^-?\d+(?:e-?\d+)?$/;

/** A number's value in one canonical spelling, so that `1.0`, `1` and `10e-1` are equal and nothing overflows. */
export function decimal(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (digits === "") return "0";
  const significant = withoutTrailingZeros(digits);
  const magnitude = exponent.replace(/^[+-]?0*/, "");
  if (magnitude.length > EXPONENT_DIGITS_MAX) return `${sign}${whole}.${fraction}e${exponent}`;
  return `${sign}${significant}e${Number(exponent) - fraction.length + (digits.length - significant.length)}`;
}

/** A loop, because `/0+$/` is quadratic on a long run of zeros in the middle of a number. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(0, end);
}
