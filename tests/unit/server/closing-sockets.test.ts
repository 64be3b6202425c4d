/** Clients that never answer a closing frame can hold so many connections, however many of them come. */

import { expect, test } from "bun:test";
import { CLOSING_MS_MAX, CLOSING_SOCKETS_MAX, ClosingSockets } from "../../../src/server/closing-sockets.ts";

test("at any time so many may be closing, and no more", () => {
  const closing = new ClosingSockets();
  const taken: number[] = [];
  for (let now = 0; now < 5 * CLOSING_MS_MAX; now += 4) if (closing.takes(now)) taken.push(now);
  for (const [i, at] of taken.entries()) {
    const before = taken[i - CLOSING_SOCKETS_MAX];
    if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(CLOSING_MS_MAX);
  }
  expect(taken).toHaveLength(5 * CLOSING_SOCKETS_MAX);
});
