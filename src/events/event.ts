/** What an event is once it has been decoded: text ready to be stored, nothing left to interpret. */

/** Event fields count code points, not UTF-16 units. */
export const TEXT_CODE_POINTS_MAX = 255;

/** Levels of arrays and objects in a payload: `[]` is 1, `[[]]` is 2, a scalar is 0. */
export const PAYLOAD_DEPTH_MAX = 128;

export const DEFAULT_TOPIC = "default";

/**
 * Strings other than `topic` may be slices, and one that is kept keeps the whole body in memory that it was sent in:
 * whoever keeps `eventId`, `timestamp`, `source` or `payload` for longer than a commit has to copy it.
 */
export interface EventRecord {
  /** Never a slice: topics are kept for long. */
  readonly topic: string;
  /** The CloudEvents `source`; empty for every other form. Part of the dedup key. */
  readonly scope: string;
  readonly eventId: string;
  /** As it was sent (ISO 8601), or null when the time of receipt stands in for it. */
  readonly timestamp: string | null;
  readonly source: string | null;
  /** JSON text, exact in value. */
  readonly payload: string;
  /** CloudEvents context attributes and extensions as a JSON object, or null. */
  readonly attributes: string | null;
}

/** What became of one event of a publish. A conflict is a duplicate whose payload differs from the first. */
export const EventStatus = { processed: 0, duplicate: 1, conflict: 2 } as const;
export type EventStatus = (typeof EventStatus)[keyof typeof EventStatus];
export const EVENT_STATUS_NAMES = ["processed", "duplicate", "conflict"] as const;

/** The four counters. `received = unique_processed + duplicate_dropped`; conflicts are a part of the duplicates. */
export interface Counters {
  received: number;
  unique_processed: number;
  duplicate_dropped: number;
  conflicts: number;
}

export function zeroCounters(): Counters {
  return { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };
}

export function addCounters(sum: Counters, more: Counters): void {
  sum.received += more.received;
  sum.unique_processed += more.unique_processed;
  sum.duplicate_dropped += more.duplicate_dropped;
  sum.conflicts += more.conflicts;
}

export function countersMembers(c: Counters): string {
  return `"received":${c.received},"unique_processed":${c.unique_processed},"duplicate_dropped":${c.duplicate_dropped},"conflicts":${c.conflicts}`;
}
