/** Numbers of events as the command line takes them: `500000`, `500k`, `5M`. */

const FACTORS: Readonly<Record<string, number>> = { "": 1, k: 1_000, M: 1_000_000 };

/** @throws Error when it is not a whole number of events. */
export function readEventCount(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text) ?? [];
  const events = digits === undefined ? 0 : Number(digits) * FACTORS[unit!]!;
  if (!Number.isSafeInteger(events) || events === 0)
    throw new Error(`--events takes a number of events like 500000, 500k or 5M, not \`${text}\``);
  return events;
}
