/** What a peer is: a server that takes the same events, how it is started, and what its answer promises. */

import type { IdOrder } from "./load/event-ids.ts";
import type { LoadTarget } from "./load/peer-load-options.ts";

/** By what an answer means: on disk, or on its way there. Only peers of one group can be compared. */
export type Durability = "synced" | "not synced";

export interface Shape {
  readonly eventsPerRequest: number;
  readonly connections: number;
  /** On each connection. */
  readonly requestsInFlight: number;
  readonly ids: IdOrder;
}

export interface Peer {
  readonly name: string;
  /** What it calls a request: "frame", "statement". */
  readonly request: string;
  /** Whether a connection has one request in flight, as over HTTP, or many. */
  readonly isPipelined: boolean;
  /** The setting that decides what an answer promises. */
  readonly setting: string;
  readonly durability: Durability;
  /** What of the acknowledged events is gone after a power cut, by its settings. */
  readonly powerCut: string;
  /** For how long a duplicate is known as one. */
  readonly duplicates: string;
  readonly shapes: readonly Shape[];
  /** Why it cannot take part here. */
  obstacle(): string | undefined;
  start(): Promise<RunningPeer>;
}

/** What the peer itself says that it has counted. */
export interface Counted {
  /** Absent where it does not count what arrives. */
  readonly received?: number;
  readonly unique: number;
}

export interface RunningPeer {
  readonly pid: number;
  readonly version: string;
  /** Where its data is. */
  readonly folder: string;
  readonly target: LoadTarget;
  counted(): Promise<Counted>;
  /** Also removes its data. */
  stop(): Promise<void>;
}

/** @throws Error when a server runs with another setting than the one that the table will name. */
export function expectSetting(name: string, actual: unknown, expected: string | number): void {
  if (actual !== expected) throw new Error(`${name} is ${actual}, not ${expected}`);
}
