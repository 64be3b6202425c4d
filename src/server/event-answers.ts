/** In which form stored events are answered: what the client accepts, among what there is. */

import Negotiator from "negotiator";
import type { EventForm, EventPage } from "../storage/event-reader.ts";
import {
  CLOUD_EVENT_TYPE,
  CLOUD_EVENTS_TYPE,
  GAP_HEADER,
  JSON_TYPE,
  LINES_TYPE,
  LINK_HEADER,
} from "./models/media-types.ts";
import { ACCESS_TOKEN_PARAMETER } from "./query.ts";

/** By media type. JSON comes first: of forms that are liked equally it is the one that is answered. */
const PAGE_FORMS = {
  [JSON_TYPE]: "json",
  [CLOUD_EVENTS_TYPE]: "cloud-events",
  [LINES_TYPE]: "lines",
  "application/ndjson": "lines",
} as const;
const EVENT_FORMS = { [JSON_TYPE]: "json", [CLOUD_EVENT_TYPE]: "cloud-events" } as const;

export function pageFormOf(request: Request): EventForm {
  return accepted(request, PAGE_FORMS);
}

export function eventFormOf(request: Request): EventForm {
  return accepted(request, EVENT_FORMS);
}

/** Where nothing is accepted that there is, JSON is answered: RFC 9110, 12.5.1, leaves that open. */
function accepted({ headers }: Request, forms: Readonly<Record<string, EventForm>>): EventForm {
  const accept = headers.get("accept");
  if (accept === null || accept === "*/*" || accept === JSON_TYPE) return "json";
  const best = new Negotiator({ headers: { accept } }).mediaType(Object.keys(forms));
  return best === undefined ? "json" : forms[best]!;
}

export function eventHeaders(form: EventForm): Record<string, string> {
  return headersOf(form === "cloud-events" ? CLOUD_EVENT_TYPE : JSON_TYPE);
}

/**
 * A page whose body is its events and nothing else: what else there is to say stands in headers.
 * @param next the cursor to go on from, if there is more.
 */
export function barePage(
  form: Exclude<EventForm, "json">,
  url: string,
  { events, count, gap }: EventPage,
  next: string | null,
): { readonly text: string; readonly headers: Record<string, string> } {
  const isBatch = form === "cloud-events";
  return {
    text: isBatch ? `[${events}]` : count === 0 ? "" : `${events}\n`,
    headers: {
      ...headersOf(isBatch ? CLOUD_EVENTS_TYPE : LINES_TYPE),
      ...(next !== null && { [LINK_HEADER]: `<${nextPage(url, next)}>; rel="next"` }),
      ...(gap !== undefined && { [GAP_HEADER]: `from=${gap.from}, to=${gap.to}` }),
    },
  };
}

/** Relative to what was asked for, with the same query but for credentials, which must not be repeated. */
function nextPage(url: string, next: string): string {
  const start = url.indexOf("?");
  // Only the first `?` begins the query; another is part of a value.
  const parameters = new URLSearchParams(start < 0 ? "" : url.slice(start + 1));
  parameters.delete(ACCESS_TOKEN_PARAMETER);
  parameters.set("after", next);
  return `?${parameters}`;
}

/** An answer's own `Vary` stands in for the one about origins, so it says both. */
function headersOf(type: string): Record<string, string> {
  return { "content-type": type, "x-content-type-options": "nosniff", vary: "accept, origin" };
}
