/** Work on many sockets in turns, so that acknowledgements and everything else are never behind it. */

/** After so many sockets that were sent to, or so much time, everything else has its turn. */
export const SOCKETS_PER_TURN_MAX = 16;
const TURN_MS_MAX = 1;

export interface TurnClock {
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
  /** Runs a task after everything that waits for the thread now. */
  readonly soon: (task: () => void) => void;
}

/** What the feed of events goes by. */
export interface FeedClock extends TurnClock {
  /** Runs a task once so many milliseconds have passed. */
  readonly later: (task: () => void, delayMs: number) => void;
}

/** @param work yields after each socket whether anything was sent to it. @param done called at its end, however it ends. */
export function workInTurns({ now, soon }: TurnClock, work: Generator<boolean>, done: () => void): void {
  const turn = (): void => {
    let isDone = true;
    try {
      isDone = runTurn(now, work);
    } finally {
      if (isDone) done();
    }
    if (!isDone) soon(turn);
  };
  turn();
}

/** Works for a moment; whether that was the last of it. */
function runTurn(now: () => number, work: Generator<boolean>): boolean {
  const startedAt = now();
  let sent = 0;
  while (sent < SOCKETS_PER_TURN_MAX) {
    const { done, value: wasSent } = work.next();
    if (done === true) return true;
    if (wasSent) sent++;
    if (now() - startedAt >= TURN_MS_MAX) break;
  }
  return false;
}
