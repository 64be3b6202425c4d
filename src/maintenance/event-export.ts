/** Stored events as NDJSON, page by page: a node that writes to the file meanwhile is not held up, nor its log. */

import type { OnProgress } from "../progress.ts";
import type { EventPage, EventQuery } from "../storage/event-reader.ts";
import { cloudEventJson } from "../storage/sqlite/cloud-event-json.ts";
import { openForReading } from "../storage/sqlite/database.ts";
import { eventJson, type StoredEvent } from "../storage/sqlite/event-json.ts";
import { type PageForm, SqliteEventReader } from "../storage/sqlite/sqlite-event-reader.ts";

/**
 * `stored`: as GET /events gives an event. `publish`: what POST /publish takes, to send it to another
 * node: a CloudEvent as such, any other event as onefold has it.
 */
export const EXPORT_FORMS = ["stored", "publish"] as const;
export type ExportForm = (typeof EXPORT_FORMS)[number];

export interface ExportOptions {
  readonly databasePath: string;
  readonly form: ExportForm;
  readonly topic: string | undefined;
  /** Only events with a greater `seq`. */
  readonly after: number;
  readonly write: (text: string) => Promise<void>;
  readonly onProgress: OnProgress;
}

export interface Exported {
  readonly events: number;
  /** Set where retention had removed events that were asked for: both ends inclusive. */
  readonly gap: { readonly from: number; readonly to: number } | undefined;
}

const EVENTS_PER_PAGE = 4_096;

export async function exportEvents(options: ExportOptions): Promise<Exported> {
  const { databasePath, form, topic, after, write, onProgress } = options;
  const db = openForReading(databasePath);
  const reader = new SqliteEventReader(db, () => performance.now(), FORMS[form]);
  try {
    const total = db
      .prepare<{ seq: number }, []>("SELECT coalesce(max(seq), 0) AS seq FROM events")
      .get()!.seq;
    const query = {
      limit: EVENTS_PER_PAGE,
      order: "asc",
      ...(topic === undefined ? {} : { topic }),
    } as const;
    let events = 0;
    let gap: Exported["gap"];
    for (let next: number | null = after; next !== null; ) {
      const page: EventPage = reader.page({ ...query, after: next } satisfies EventQuery);
      if (page.count > 0) await write(`${page.events}\n`);
      if (page.gap !== undefined) gap = { from: gap?.from ?? page.gap.from, to: page.gap.to };
      events += page.count;
      next = page.next;
      onProgress({ done: next ?? total, total, unit: "events" });
    }
    return { events, gap };
  } finally {
    reader.close();
  }
}

const FORMS: Readonly<Record<ExportForm, PageForm>> = {
  stored: { textOf: (event) => `${eventJson(event).slice(0, -1)}${scopeMember(event)}}`, separator: "\n" },
  publish: { textOf: publishJson, separator: "\n" },
};

/** The part of the key that only a CloudEvent has. */
function scopeMember({ scope }: StoredEvent): string {
  return scope === "" ? "" : `,"scope":${JSON.stringify(scope)}`;
}

/** A CloudEvent is published as one. The time of receipt stands in for a timestamp, so that the event reads the same wherever it is published. */
function publishJson(event: StoredEvent): string {
  if (event.scope !== "") return cloudEventJson(event);
  const { topic, eventId, source, payload, receivedAt } = event;
  const timestamp = event.timestamp ?? new Date(receivedAt).toISOString();
  return `{"topic":${JSON.stringify(topic)},"event_id":${JSON.stringify(eventId)},"timestamp":${JSON.stringify(timestamp)},"source":${JSON.stringify(source)},"payload":${payload}}`;
}
