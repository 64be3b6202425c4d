/** How many events are stored, and after how many of them a row of figures is taken. */

export const EVENTS_PER_FRAME = 100;

const STEP_EVENTS = 1_000_000;

/** Rows of a run that is too short for one a million. */
const SHORT_RUN_STEPS = 4;

export interface GrowthPlan {
  readonly events: number;
  readonly eventsPerStep: number;
}

/** Both are whole frames. */
export function planGrowth(eventsWanted: number): GrowthPlan {
  const isShort = eventsWanted < 2 * STEP_EVENTS;
  return {
    events: wholeFrames(eventsWanted),
    eventsPerStep: isShort ? wholeFrames(eventsWanted / SHORT_RUN_STEPS) : STEP_EVENTS,
  };
}

function wholeFrames(events: number): number {
  return Math.ceil(events / EVENTS_PER_FRAME) * EVENTS_PER_FRAME;
}
