/** Where a peer is better than onefold and where none is, read off the rows. */

import { decimals, thousands } from "../table.ts";
import type { Durability } from "./peer.ts";
import { EXACT, type MeasuredRow, type PeerRow } from "./peer-row.ts";

interface Figure {
  readonly name: string;
  readonly of: (row: MeasuredRow) => number;
  readonly isMoreBetter?: boolean;
  readonly text: (value: number) => string;
}

const FIGURES: readonly Figure[] = [
  { name: "events/s", of: (row) => row.eventsPerSecond, isMoreBetter: true, text: thousands },
  {
    name: "server CPU an event",
    of: (row) => row.serverCpuMicrosecondsPerEvent,
    text: (value) => `${decimals(value, 1)} µs`,
  },
  { name: "the median acknowledgement under load", of: (row) => row.ack.p50Ms, text: milliseconds },
  { name: "its 99th percentile", of: (row) => row.ack.p99Ms, text: milliseconds },
  { name: "the median acknowledgement of an event alone", of: (row) => row.alone.p50Ms, text: milliseconds },
  {
    name: "resident memory",
    of: (row) => row.serverResidentBytes,
    text: (value) => `${thousands(value / 1e6)} MB`,
  },
  {
    name: "disk an event",
    of: (row) => row.diskBytesPerStoredEvent,
    text: (value) => `${thousands(value)} bytes`,
  },
];

/** Two runs of one server differ by more: a smaller lead is none. */
export const NOISE_SHARE = 0.05;

const GROUPS: readonly Durability[] = ["synced", "not synced"];

export function isOnefold({ name }: { readonly name: string }): boolean {
  return name.startsWith("onefold");
}

export function remarksOn(rows: readonly PeerRow[]): readonly string[] {
  const measured = rows.filter((row) => row.kind === "measured");
  const peers = measured.filter((row) => !isOnefold(row));
  return [
    ...GROUPS.flatMap((group) => {
      const ofGroup = rivalsOf(rows).filter(({ peer }) => peer.durability === group);
      return FIGURES.flatMap((figure) => remarksOnFigure(figure, group, ofGroup));
    }),
    ...peers
      .filter(({ accuracy }) => !accuracy.startsWith(EXACT))
      .map((row) => `${label(row)}: ${row.accuracy}.`),
    ...rows
      .filter((row) => row.kind === "left out")
      .map((row) => `${row.name}, ${row.setting}: left out, ${row.reason}.`),
  ];
}

/** A peer, and onefold under the same kind of load. */
interface Pair {
  readonly peer: MeasuredRow;
  readonly rival: MeasuredRow;
}

export function rivalsOf(rows: readonly PeerRow[]): readonly Pair[] {
  const measured = rows.filter((row) => row.kind === "measured");
  return measured
    .filter((row) => !isOnefold(row))
    .flatMap((peer) => {
      const rival = measured.find((row) => isOnefold(row) && isSameKind(row, peer));
      return rival === undefined ? [] : [{ peer, rival }];
    });
}

function remarksOnFigure(figure: Figure, group: Durability, pairs: readonly Pair[]): readonly string[] {
  if (pairs.length === 0) return [];
  const better = pairs.filter(({ peer, rival }) => isBetter(figure, figure.of(peer), figure.of(rival)));
  const where = `the peers whose answer means ${group}`;
  if (better.length === 0) return [`In ${figure.name}, none of ${where} is better than onefold.`];
  const named = better.map(({ peer, rival }) => {
    const [theirs, ours] = [figure.text(figure.of(peer)), figure.text(figure.of(rival))];
    return `${label(peer)} (${theirs}, onefold ${ours})`;
  });
  return [`In ${figure.name}, better than onefold among ${where}: ${named.join("; ")}.`];
}

/** Batches are compared with batches, single events with single events, and requests that wait with their like. */
function isSameKind(a: MeasuredRow, b: MeasuredRow): boolean {
  return (
    a.ids === b.ids && a.isPipelined === b.isPipelined && a.eventsPerRequest > 1 === b.eventsPerRequest > 1
  );
}

function isBetter({ isMoreBetter = false }: Figure, theirs: number, ours: number): boolean {
  return isMoreBetter ? theirs > ours * (1 + NOISE_SHARE) : theirs < ours * (1 - NOISE_SHARE);
}

export function label(row: MeasuredRow): string {
  return `${row.name}, ${row.setting}, ${loadOf(row)}`;
}

/** Where there is little room, and the setting is known: all in one chart answer alike. */
export function shortLabel(row: MeasuredRow): string {
  return `${row.name}, ${loadOf(row)}`;
}

function loadOf({ eventsPerRequest, request, ids }: MeasuredRow): string {
  return `${thousands(eventsPerRequest)} a ${request}${ids === "ascending" ? ", ids ascending" : ""}`;
}

function milliseconds(value: number): string {
  return `${decimals(value, 2)} ms`;
}
