/** The arrival rates of an open loop: shares of what the node takes at most. */

const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9, 1] as const;

export interface ArrivalRate {
  readonly share: number;
  readonly eventsPerSecond: number;
}

/** @param saturation Events a second. */
export function ratesOf(saturation: number): ArrivalRate[] {
  return SHARES.map((share) => ({ share, eventsPerSecond: Math.round(saturation * share) }));
}
