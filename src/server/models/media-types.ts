/** Media types and headers that events go by over HTTP: routes hold to them, documents state them. */

export const JSON_TYPE = "application/json";
export const LINES_TYPE = "application/x-ndjson";
export const CLOUD_EVENT_TYPE = "application/cloudevents+json";
export const CLOUD_EVENTS_TYPE = "application/cloudevents-batch+json";

/** What follows on another page is told in this header where the body has no place for it. */
export const LINK_HEADER = "link";

/** So is what retention has removed, as a dictionary of structured fields (RFC 9651): `from=6, to=90`. */
export const GAP_HEADER = "onefold-gap";
