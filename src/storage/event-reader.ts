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

/** What a feed reads: a page of the events after a position, bounded in more than their number. */
export interface FeedQuery {
  /** Patterns of the topics that are wanted; undefined means all. */
  readonly topics?: readonly string[];
  /** Exclusive. */
  readonly after: number;
  readonly limit: number;
  /** UTF-16 units from which on a page ends; one event may be larger. */
  readonly textMax: number;
  /** Time after which a page ends where it is. */
  readonly budgetMs: number;
  /** Whether the page says where each event begins, and of which topic it is. */
  readonly withParts: boolean;
}

/** As columns, since cloning an array of strings or objects costs for each of its elements. */
export interface PageParts {
  readonly seqs: Float64Array;
  /** Where each event ends in the text of the page; a comma stands between two. */
  readonly ends: Uint32Array;
  /** The place of each event's topic in `topics`. */
  readonly topicPlaces: Uint32Array;
  /** Names, joined by commas, which no name holds. */
  readonly topics: string;
  /** Topics of which events are gone, joined alike; empty where the page has no gap. */
  readonly gapTopics: string;
}

/** `events` as in `EventPage`. */
export interface FeedPage {
  readonly events: string;
  readonly count: number;
  /** The page holds everything that was asked for up to here, `seq` inclusive: the position to go on from. */
  readonly through: number;
  readonly gap?: EventPage["gap"];
  readonly parts?: PageParts;
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
  feedPage(query: FeedQuery): Promise<FeedPage>;
  conflicts(query: ConflictQuery): Promise<ConflictPage>;
  /** The event's JSON text, or undefined. `candidates` are the rows that may hold it. */
  find(key: EventKey, candidates: readonly number[], form?: EventForm): Promise<string | undefined>;
}
