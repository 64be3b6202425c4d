/** Gathers which frame reached how many sockets when; a frame is known by the revisions that it leads from and to. */

import type { ToldFrame } from "./delivery.ts";
import { Histogram } from "./histogram.ts";
import type { StatsHead } from "./stats-head.ts";

interface Gathered {
  readonly from: number;
  readonly revision: number;
  readonly receivedFrom: number;
  readonly receivedTo: number;
  readonly firstAtMs: number;
  readonly delays: Histogram;
}

/** More than any run has revisions, so that two of them fit one number. */
const REVISIONS_MAX = 2 ** 26;

export class ToldFrames {
  readonly #frames = new Map<number, Gathered>();
  #latest: Gathered | undefined;

  /**
   * @param receivedFrom What the socket had counted before it.
   * @throws Error when another socket got another sum between the same revisions.
   */
  add({ from, revision, received }: StatsHead, receivedFrom: number, atMs: number): void {
    let frame = this.#latest;
    if (frame?.from !== from || frame.revision !== revision) {
      frame = this.#find(from, revision, { receivedFrom, received, atMs });
      this.#latest = frame;
    }
    if (frame.receivedFrom !== receivedFrom || frame.receivedTo !== receivedFrom + received) {
      throw new Error(
        `from revision ${from} to ${revision} one socket counted ${received} events, another other ones`,
      );
    }
    frame.delays.add(atMs - frame.firstAtMs);
  }

  list(): ToldFrame[] {
    return [...this.#frames.values()].map(({ delays, ...frame }) => ({ ...frame, counts: delays.counts }));
  }

  #find(
    from: number,
    revision: number,
    { receivedFrom, received, atMs }: { receivedFrom: number; received: number; atMs: number },
  ): Gathered {
    const key = from * REVISIONS_MAX + revision;
    let frame = this.#frames.get(key);
    if (frame === undefined) {
      const receivedTo = receivedFrom + received;
      frame = { from, revision, receivedFrom, receivedTo, firstAtMs: atMs, delays: new Histogram() };
      this.#frames.set(key, frame);
    }
    return frame;
  }
}
