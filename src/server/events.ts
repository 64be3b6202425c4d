/** Reading events: GET /events page by page, /ws/events and GET /events/stream as they come, GET /events/{topic}/{event_id}, and GET /conflicts. */

import { Elysia } from "elysia";
import type { Grant } from "../access/grant.ts";
import { faultOfEventId, faultOfSource, faultOfTopic } from "../events/text-rules.ts";
import { isTimestamp } from "../events/timestamp.ts";
import { refuse } from "../problem.ts";
import type { EventQuery } from "../storage/event-reader.ts";
import type { Cursors } from "./cursors.ts";
import {
  CONFLICTS_OPERATION,
  EVENT_OPERATION,
  EVENTS_OPERATION,
  EVENTS_STREAM_OPERATION,
} from "./documentation/events.ts";
import { barePage, eventFormOf, eventHeaders, pageFormOf } from "./event-answers.ts";
import { type EventPosition, eventPositionOf, expectNotBeyond, LATEST } from "./event-positions.ts";
import { EventsSocket } from "./events-socket.ts";
import { feedStream } from "./feed-stream.ts";
import {
  CONFLICTS_MAX,
  CONFLICTS_PARAMETERS,
  EVENT_PARAMETERS,
  EVENTS_PARAMETERS,
  ORDERS,
  PAGE_EVENTS_DEFAULT,
  PAGE_EVENTS_MAX,
} from "./models/parameters.ts";
import { expectOpened } from "./opened.ts";
import { isPercentEncodedUtf8, QueryReader } from "./query.ts";
import type { Services } from "./services.ts";
import { edgeSocket } from "./sockets.ts";
import { expectVisible, seesAll } from "./visible-topics.ts";

export function eventRoutes(services: Services) {
  const grantOf = (request: Request): Grant => services.admission.callerOf(request).grant;
  return new Elysia()
    .get("/events", ({ request }) => listEvents(services, grantOf(request), request), {
      detail: EVENTS_OPERATION,
    })
    .get("/events/stream", ({ request }) => feedStream(services, request), {
      detail: EVENTS_STREAM_OPERATION,
    })
    .get("/conflicts", ({ request }) => listConflicts(services, grantOf(request), request), {
      detail: CONFLICTS_OPERATION,
    })
    .get(
      "/events/:topic/:event_id",
      ({ request, params }) => findEvent(services, grantOf(request), request, params),
      { detail: EVENT_OPERATION },
    )
    .ws(
      "/ws/events",
      edgeSocket(services, {
        path: "/ws/events",
        takesPublishes: false,
        open: (socket, request, { grant }) => new EventsSocket(services, socket, grant, request.url),
      }),
    );
}

async function listEvents(services: Services, grant: Grant, request: Request): Promise<Response> {
  const { query, after } = queryOf(request.url, services.cursors);
  expectOpened(services.hub);
  // A number may be of an event that is yet to come; a cursor was never given out for one.
  if (after?.isCursor === true) await expectNotBeyond(services, "after", after);
  const page = (): Promise<Response> => pageOf(services, grant, request, query);
  return query.limit > PAGE_EVENTS_DEFAULT ? services.answers.inTurn(page) : page();
}

async function pageOf(
  { reader, answers, cursors }: Services,
  grant: Grant,
  request: Request,
  query: EventQuery,
): Promise<Response> {
  const form = pageFormOf(request);
  const page = await reader.page({ ...query, ...visibleIn(grant, query.topic), form });
  const next = page.next === null ? null : cursors.ofEvent(page.next);
  if (form !== "json") {
    const { text, headers } = barePage(form, request.url, page, next);
    return answers.text(request, text, headers);
  }
  const { events, count, gap } = page;
  const topic = query.topic === undefined ? "null" : JSON.stringify(query.topic);
  const cursor = next === null ? null : `"${next}"`;
  const missing = gap === undefined ? "" : `,"gap":${JSON.stringify(gap)}`;
  return answers.text(
    request,
    `{"events":[${events}],"count":${count},"topic":${topic},"next":${cursor}${missing}}`,
    eventHeaders(form),
  );
}

async function findEvent(
  { reader, ledger, hub, answers }: Services,
  grant: Grant,
  request: Request,
  { topic, event_id: eventId }: { topic: string; event_id: string },
): Promise<Response> {
  const { url } = request;
  const query = new QueryReader(url, Object.keys(EVENT_PARAMETERS));
  const scope = query.checked("scope", faultOfSource) ?? "";
  query.done();
  // The router makes U+FFFD of what it cannot decode, and that is another key.
  const isKey = isPercentEncodedUtf8(url.split("?", 1)[0]!);
  if (isKey && faultOfTopic(topic) === undefined && faultOfEventId(eventId) === undefined) {
    expectOpened(hub);
    expectVisible(grant, topic);
    const candidates = await ledger.locate(topic, scope, eventId);
    const form = eventFormOf(request);
    const event = await reader.find({ topic, scope, eventId }, candidates, form);
    if (event !== undefined) return answers.text(request, event, eventHeaders(form));
  }
  return refuse("not_found", "There is no such event.");
}

async function listConflicts(
  { reader, hub, answers }: Services,
  grant: Grant,
  request: Request,
): Promise<Response> {
  const query = new QueryReader(request.url, Object.keys(CONFLICTS_PARAMETERS));
  const topic = query.checked("topic", faultOfTopic);
  const limit = query.integer("limit", { min: 1, max: CONFLICTS_MAX }) ?? PAGE_EVENTS_DEFAULT;
  query.done();
  expectOpened(hub);
  const asked = topic === undefined ? { limit } : { topic, limit };
  const { conflicts, count } = await reader.conflicts({ ...asked, ...visibleIn(grant, topic) });
  const named = topic === undefined ? "null" : JSON.stringify(topic);
  return answers.json(request, `{"conflicts":[${conflicts}],"count":${count},"topic":${named}}`);
}

/** What a page is limited to, beside the topic that was asked for. @throws ProblemError `forbidden_topic` */
function visibleIn(grant: Grant, topic: string | undefined): Pick<EventQuery, "topics"> {
  if (topic !== undefined) {
    expectVisible(grant, topic);
    return {};
  }
  return seesAll(grant) ? {} : { topics: grant.topics };
}

interface AskedPage {
  readonly query: EventQuery;
  readonly after: EventPosition | undefined;
}

function queryOf(url: string, cursors: Cursors): AskedPage {
  const query = new QueryReader(url, Object.keys(EVENTS_PARAMETERS));
  const after = positionOf(query, cursors);
  const found = {
    topic: query.checked("topic", faultOfTopic),
    after: after?.seq,
    limit: query.integer("limit", { min: 1, max: PAGE_EVENTS_MAX }) ?? PAGE_EVENTS_DEFAULT,
    order: query.choice("order", ORDERS) ?? "asc",
    source: query.checked("source", faultOfSource),
    since: timeOf(query, "since"),
    until: timeOf(query, "until"),
  };
  query.done();
  // Absent filters are left out rather than sent across the thread as undefined.
  const given = Object.entries(found).filter(([, value]) => value !== undefined);
  return { query: Object.fromEntries(given) as unknown as EventQuery, after };
}

function positionOf(query: QueryReader, cursors: Cursors): EventPosition | undefined {
  const text = query.text("after");
  if (text === undefined) return undefined;
  const asked = eventPositionOf(text, cursors, { takesLatest: false });
  if (asked !== LATEST && !("fault" in asked)) return asked;
  if (asked !== LATEST) query.fault("after", asked.fault);
  return undefined;
}

function timeOf(query: QueryReader, name: string): number | undefined {
  const text = query.checked(name, (value) => (isTimestamp(value) ? undefined : "must be an ISO 8601 time"));
  if (text === undefined || !isTimestamp(text)) return undefined;
  // Without a zone it is UTC, as for an event's timestamp; Date would take it for local time.
  const hasZone =
    text.length === "2026-01-31".length || /(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$/.test(text.slice(11));
  // Date knows neither offsets of hours alone nor leap seconds.
  const zoned = (hasZone ? text : `${text}Z`).replace(/(:.*[+-]\d{2})$/, "$1:00");
  const leapMs = zoned.includes(":60") ? 1_000 : 0;
  return Date.parse(zoned.replace(":60", ":59").replace(" ", "T").replace(",", ".")) + leapMs;
}
