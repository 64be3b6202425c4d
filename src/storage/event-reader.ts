/** What can be asked of stored events. Every read sees all that was acknowledged before it began. */

/**
 * How events are written: as JSON with commas between, the same one a line, or as CloudEvents with commas between, which
 * events that came otherwise are made.
 */
export const EVENT_FORMS = ["json", "lines", "cloud-events"] as const;
export type EventForm = (typeof EVENT_FORMS)[number];

export interface EventQuery {
  readonly topic?: string;
  /** Patterns of the topics that may be seen, where not all may: beside them nothing is told, no gap either. */
  readonly topics?: readonly string[];
  /** Exclusive: greater than it in ascending order, less than it in descending order. */
  readonly after?: number;
  readonly limit: number;
  readonly order: "asc" | "desc";
  /** That of a CloudEvent is its scope. */
  readonly source?: string;
  /** As JSON unless said. */
  readonly form?: EventForm;
  /** Times of receipt in milliseconds since 1970: `since` inclusive, `until` exclusive. */
  readonly since?: number;
  readonly until?: number;
}

/** A page as text: `events` holds the elements of an array, without its brackets, or lines without the last line's end. */
export interface EventPage {
  readonly events: string;
  readonly count: number;
  /** Where to go on, or null at the end. A page may be short, even empty, and still have one. */
  readonly next: number | null;
  /** Set where retention has removed events that would have followed `after`: both ends inclusive. */
  readonly gap?: { readonly from: number; readonly to: number };
}

export interface EventKey {
  readonly topic: string;
  readonly scope: string;
  readonly eventId: string;
}

/** The latest conflicts, newest first. */
export interface ConflictQuery {
  readonly topic?: string;
  /** Patterns of the topics that may be seen, where not all may. */
  readonly topics?: readonly string[];
  readonly limit: number;
}

/** `conflicts` holds the elements of a JSON array, without its brackets; fewer than asked for when they are large. */
export interface ConflictPage {
  readonly conflicts: string;
  readonly count: number;
}

/** What is stored does not agree with itself. The message is for the log. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
}

/** Every method throws `StorageFault` where the storage cannot be read. */
export interface EventReader {
  page(query: EventQuery): Promise<EventPage>;
  conflicts(query: ConflictQuery): Promise<ConflictPage>;
  /** The event's JSON text, or undefined. `candidates` are the rows that may hold it. */
  find(key: EventKey, candidates: readonly number[], form?: EventForm): Promise<string | undefined>;
}
