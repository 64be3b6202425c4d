/** A clock that the processes of one bench share, finer than `Date.now`. */

/** Milliseconds since 1970. Between two processes it is right to a fraction of a millisecond. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
