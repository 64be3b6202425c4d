/** In which form the body of a publish comes, by its headers. */

import type { PublishForm } from "../events/decoded-publish.ts";
import { mediaTypeOf } from "../events/media-type.ts";
import { refuse } from "../problem.ts";
import { CLOUD_EVENT_TYPE, CLOUD_EVENTS_TYPE, JSON_TYPE, LINES_TYPE } from "./models/media-types.ts";

const BY_TYPE: ReadonlyMap<string, PublishForm> = new Map([
  [JSON_TYPE, "body"],
  [LINES_TYPE, "lines"],
  ["application/ndjson", "lines"],
  [CLOUD_EVENT_TYPE, "cloud-event"],
  [CLOUD_EVENTS_TYPE, "cloud-event-batch"],
]);

/** With this prefix the body has a CloudEvent in some format, whatever the headers say (the HTTP binding, 3). */
const CLOUD_EVENTS_PREFIX = "application/cloudevents";

/** Any of them says that the request is a CloudEvent, so that the absence of another can be told. */
const REQUIRED_ATTRIBUTES = ["ce-specversion", "ce-id", "ce-source", "ce-type"];

/**
 * Media types are compared without regard to case; the only parameter with a meaning here is the charset.
 * @throws ProblemError `unsupported_media_type`
 */
export function publishFormOf(headers: Headers): PublishForm {
  const contentType = headers.get("content-type");
  const isBinary = REQUIRED_ATTRIBUTES.some((name) => headers.has(name));
  if (contentType === null || contentType === JSON_TYPE) return isBinary ? "binary-cloud-event" : "body";
  const { type, isUtf8 } = mediaTypeOf(contentType);
  const form = BY_TYPE.get(type);
  if (isBinary && !type.startsWith(CLOUD_EVENTS_PREFIX)) return "binary-cloud-event";
  if (form === undefined) {
    return refuse(
      "unsupported_media_type",
      `The content type is not supported; send ${JSON_TYPE}, ${LINES_TYPE}, ${CLOUD_EVENT_TYPE} or ${CLOUD_EVENTS_TYPE}.`,
    );
  }
  if (!isUtf8) refuse("unsupported_media_type", "Bodies are UTF-8; no other charset is supported.");
  return form;
}
