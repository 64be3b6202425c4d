/** How the events are sent, the same for every peer that can be sent to in that way. */

import type { Shape } from "./peer.ts";

/** Batches over few connections, 32 on their way. */
export const STREAMED_BATCHES: Shape = {
  eventsPerRequest: 100,
  connections: 4,
  requestsInFlight: 8,
  ids: "random",
};

/** The same with ids that a sorted index likes. */
export const ASCENDING_BATCHES: Shape = { ...STREAMED_BATCHES, ids: "ascending" };

/** One event a message, 1,024 on their way. */
export const ONE_BY_ONE: Shape = {
  eventsPerRequest: 1,
  connections: 4,
  requestsInFlight: 256,
  ids: "random",
};

/** As a service's clients do: a connection waits for its answer. */
export const REQUESTS_OF_100: Shape = {
  eventsPerRequest: 100,
  connections: 16,
  requestsInFlight: 1,
  ids: "random",
};
export const REQUESTS_OF_ONE: Shape = {
  eventsPerRequest: 1,
  connections: 16,
  requestsInFlight: 1,
  ids: "random",
};

/** One event, and nothing else on its way: what a single answer takes. */
export const ALONE: Shape = { eventsPerRequest: 1, connections: 1, requestsInFlight: 1, ids: "random" };
