/** From values to places along an axis, and the round values that are marked on it. */

export interface Scale {
  /** 0 at the start of the axis, 1 at its end. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** From 0 to the first round number that is not below all values. */
export function linearScale(values: readonly number[], tickCount: number): Scale {
  expectValues(values, (value) => value >= 0, "none below zero");
  const ticks = ticksUpTo(Math.max(...values), tickCount);
  const top = ticks.at(-1)!;
  return { at: (value) => value / top, ticks };
}

/** From the power of ten below all values to the one above them; few powers are divided at 2 and 5. */
export function logarithmicScale(values: readonly number[]): Scale {
  expectValues(values, (value) => value > 0, "all above zero");
  const first = Math.floor(exactLog10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(exactLog10(Math.max(...values))));
  const factors = last - first <= DIVIDED_POWERS_MAX ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = first; power < last; power++) {
    for (const factor of factors) ticks.push(Number((factor * 10 ** power).toPrecision(1)));
  }
  ticks.push(Number((10 ** last).toPrecision(1)));
  return { at: (value) => (Math.log10(value) - first) / (last - first), ticks };
}

const DIVIDED_POWERS_MAX = 2;

/** A power of ten is not missed by the last bit. */
function exactLog10(value: number): number {
  return Number(Math.log10(value).toFixed(9));
}

/** Round numbers from 0 to the first that is not below `max`, about `count` steps; where all is 0, up to 1. */
export function ticksUpTo(highest: number, count: number): number[] {
  const max = highest === 0 ? 1 : highest;
  const power = 10 ** Math.floor(Math.log10(max / count));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size * count >= max)!;
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

/** What stands at a tick or on a bar: three digits of meaning, and up to 9,999 all that are before the point. */
export function shortNumber(value: number): string {
  for (const { from, unit, letter } of UNITS) {
    if (value >= from) return `${threeDigits(value / unit)} ${letter}`;
  }
  return value >= 1_000 ? Math.round(value).toLocaleString("en-US") : threeDigits(value);
}

/** From where three digits of the unit below would be rounded to a thousand of it. */
const UNITS = [
  { from: 999_500_000, unit: 1e9, letter: "G" },
  { from: 999_500, unit: 1e6, letter: "M" },
  { from: 9_999.5, unit: 1e3, letter: "k" },
] as const;

function threeDigits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function expectValues(values: readonly number[], isAllowed: (value: number) => boolean, rule: string): void {
  if (values.length === 0) throw new Error("there is nothing to draw");
  for (const value of values) {
    if (!Number.isFinite(value) || !isAllowed(value))
      throw new Error(`a chart takes numbers, ${rule}, not ${value}`);
  }
}
