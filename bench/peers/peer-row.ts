/** What is known of a peer after its load, and whether it has counted right. */

import { type LatencySummary, medianSummary } from "../load/latencies.ts";
import type { Sent } from "../onefold-node.ts";
import { median } from "../statistics.ts";
import type { PeerLoadResult } from "./load/peer-load-options.ts";
import type { Counted, Durability, Peer, Shape } from "./peer.ts";

interface Identity {
  readonly name: string;
  readonly setting: string;
  readonly durability: Durability;
}

export interface MeasuredRow extends Identity, Shape {
  readonly kind: "measured";
  readonly version: string;
  readonly request: string;
  readonly isPipelined: boolean;
  readonly powerCut: string;
  readonly duplicates: string;
  readonly eventsPerSecond: number;
  /** Of all processes of the peer. */
  readonly serverCpuMicrosecondsPerEvent: number;
  readonly loadCpuMicrosecondsPerEvent: number;
  readonly ack: LatencySummary;
  /** Of one event with nothing else on its way. */
  readonly alone: LatencySummary;
  readonly serverResidentBytes: number;
  /** Logs that it keeps included. */
  readonly diskBytesPerStoredEvent: number;
  readonly accuracy: string;
}

/** A peer that could not take part: said, not passed over. */
export interface LeftOutRow extends Identity {
  readonly kind: "left out";
  readonly reason: string;
}

export type PeerRow = MeasuredRow | LeftOutRow;

export interface Measured {
  readonly load: PeerLoadResult;
  readonly alone: PeerLoadResult;
  readonly diskBytes: number;
  readonly counted: Counted;
  readonly version: string;
}

export function measuredRow(peer: Peer, shape: Shape, measured: Measured): MeasuredRow {
  const { load, alone, diskBytes, counted, version } = measured;
  const sent = total(load.sent, alone.sent);
  const { name, request, isPipelined, setting, durability, powerCut, duplicates } = peer;
  return {
    ...{ kind: "measured", name, version, request, isPipelined, setting, durability, powerCut, duplicates },
    ...shape,
    eventsPerSecond: load.events / load.seconds,
    serverCpuMicrosecondsPerEvent: (load.serverCpuSeconds / load.events) * 1e6,
    loadCpuMicrosecondsPerEvent: (load.loadCpuSeconds / load.events) * 1e6,
    ack: load.ack,
    alone: alone.ack,
    serverResidentBytes: load.serverResidentBytes,
    diskBytesPerStoredEvent: diskBytes / sent.unique,
    accuracy: accuracyOf(sent, counted),
  };
}

/** The medians of the rounds; of how they counted, the first that is not exact. */
export function medianRow(rounds: readonly PeerRow[]): MeasuredRow {
  const rows = rounds.filter((row) => row.kind === "measured");
  const of = (figure: (row: MeasuredRow) => number): number => median(rows.map(figure));
  return {
    ...rows[0]!,
    eventsPerSecond: of((row) => row.eventsPerSecond),
    serverCpuMicrosecondsPerEvent: of((row) => row.serverCpuMicrosecondsPerEvent),
    loadCpuMicrosecondsPerEvent: of((row) => row.loadCpuMicrosecondsPerEvent),
    ack: medianSummary(rows.map(({ ack }) => ack)),
    alone: medianSummary(rows.map(({ alone }) => alone)),
    serverResidentBytes: of((row) => row.serverResidentBytes),
    diskBytesPerStoredEvent: of((row) => row.diskBytesPerStoredEvent),
    accuracy: (rows.find(({ accuracy }) => !accuracy.startsWith(EXACT)) ?? rows[0]!).accuracy,
  };
}

export function leftOutRow({ name, setting, durability }: Peer, reason: string): LeftOutRow {
  return { kind: "left out", name, setting, durability, reason };
}

export function total(a: Sent, b: Sent): Sent {
  return { received: a.received + b.received, unique: a.unique + b.unique };
}

export const EXACT = "exact";

/** What a peer has counted, beside what was sent to it and acknowledged. */
export function accuracyOf(sent: Sent, counted: Counted): string {
  const off = [
    ...difference("unique", counted.unique - sent.unique),
    ...difference("received", (counted.received ?? sent.received) - sent.received),
  ];
  if (off.length > 0) return off.join(", ");
  return counted.received === undefined ? `${EXACT}; received is not counted` : EXACT;
}

function difference(name: string, value: number): string[] {
  return value === 0 ? [] : [`${name} wrong by ${value > 0 ? "+" : "−"}${Math.abs(value)}`];
}
