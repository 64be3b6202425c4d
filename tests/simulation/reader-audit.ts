/** Reads the way `GET` does, through the node's own reader, and holds every answer against the model. */

import type { ConflictQuery, EventQuery } from "../../src/storage/event-reader.ts";
import { openForReading } from "../../src/storage/sqlite/database.ts";
import { SqliteEventReader } from "../../src/storage/sqlite/sqlite-event-reader.ts";
import type { Arrival, EventKey, Model } from "./model.ts";
import { tally } from "./tally.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

export class ReaderAudit {
  readonly #reader: SqliteEventReader;

  /** @param now the reader's clock: as it leaps, pages end early, as they do when a scan takes long. */
  constructor(path: string, now: () => number) {
    this.#reader = new SqliteEventReader(openForReading(path), now);
  }

  /** One page, and where to go on. */
  comparePage(model: Model, query: EventQuery): number | null {
    const what = `the page ${JSON.stringify(query)}`;
    const { events, count, next, gap } = this.#reader.page(query);
    guaranteeSame("a page tells what retention has removed", gap, gapOf(model, query), `the gap of ${what}`);
    tally.count("reads", "pages");
    const all = matching(model, query);
    const expected = all.slice(0, count);
    const texts = expected.map(eventText).join(",");
    guarantee(
      "pages hold what is stored",
      events === texts,
      () => `${what}: expected ${texts}, got ${events}`,
    );
    const isRight = count <= query.limit && next !== query.after && (next !== null || count === all.length);
    guarantee(
      "pages hold what is stored",
      isRight,
      () => `${what}: ${count} of ${all.length}, going on at ${next}`,
    );
    // What a page leaves out, the next one must begin with: a cursor skips nothing.
    const rest = next === null ? [] : matching(model, { ...query, after: next });
    guaranteeSame("pages hold what is stored", rest[0]?.seq, all[count]?.seq, `the cursor after ${what}`);
    return next;
  }

  /** From page to page, to the end. */
  comparePages(model: Model, query: EventQuery): void {
    let next = this.comparePage(model, query);
    while (next !== null) next = this.comparePage(model, { ...query, after: next });
  }

  /** One event, by what the ledger says of where it may be. */
  compareFind(key: EventKey, first: Arrival | undefined, candidates: readonly number[]): void {
    tally.count("reads", "events found by key");
    const found = this.#reader.find(key, candidates);
    guaranteeSame("an event is found by its key", found, first && eventText(first), JSON.stringify(key));
  }

  compareConflicts({ conflicts }: Model, query: ConflictQuery): void {
    tally.count("reads", "conflicts");
    const { topic, limit } = query;
    const expected = conflicts
      .filter((conflict) => topic === undefined || conflict.topic === topic)
      .slice(-limit)
      .reverse();
    const page = this.#reader.conflicts(query);
    guaranteeSame(
      "conflicts are read as they are stored",
      page,
      { conflicts: expected.map(conflictText).join(","), count: expected.length },
      `the conflicts ${JSON.stringify(query)}`,
    );
  }

  close(): void {
    this.#reader.close();
  }
}

/** Of these numbers some are gone: those of the topic, or of any, that would have followed. */
function gapOf(model: Model, { after, order, topic }: EventQuery): { from: number; to: number } | undefined {
  if (after === undefined || order === "desc") return undefined;
  const topics = topic === undefined ? [...model.topics.keys()] : [topic];
  const to = Math.max(0, ...topics.map((name) => model.prunedThrough(name)));
  return to > after ? { from: after + 1, to } : undefined;
}

function matching(model: Model, { after, order, topic, source, since, until }: EventQuery): Arrival[] {
  const found = model.events.filter(
    (event) =>
      (after === undefined || (order === "asc" ? event.seq > after : event.seq < after)) &&
      (topic === undefined || event.topic === topic) &&
      (source === undefined || sourceOf(event) === source) &&
      (since === undefined || event.at >= since) &&
      (until === undefined || event.at < until),
  );
  return order === "desc" ? found.reverse() : found;
}

/** A CloudEvent's is its scope. */
function sourceOf({ scope, source }: Arrival): string | null {
  return scope === "" ? source : scope;
}

function eventText(event: Arrival): string {
  const { seq, topic, eventId, timestamp, payload, at } = event;
  const received = JSON.stringify(new Date(at).toISOString());
  const time = timestamp === null ? received : JSON.stringify(timestamp);
  return `{"seq":${seq},"topic":${JSON.stringify(topic)},"event_id":${JSON.stringify(eventId)},"timestamp":${time},"source":${JSON.stringify(sourceOf(event))},"payload":${payload.stored},"received_at":${received}}`;
}

function conflictText(conflict: Arrival): string {
  const { seq, topic, scope, eventId, payload, at } = conflict;
  const scoped = scope === "" ? "" : `,"scope":${JSON.stringify(scope)}`;
  return `{"seq":${seq},"topic":${JSON.stringify(topic)},"event_id":${JSON.stringify(eventId)}${scoped},"source":${JSON.stringify(sourceOf(conflict))},"payload":${payload.stored},"received_at":"${new Date(at).toISOString()}"}`;
}
