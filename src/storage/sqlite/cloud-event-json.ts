/** A stored event as a CloudEvent: one that came as such is given back as it came, and any other is made one. */

import { attributesOf } from "../../events/cloud-event-attributes.ts";
import { rfc3339Of } from "../../events/timestamp.ts";
import { asUriReference } from "../../events/uri.ts";
import { isoTime, type StoredEvent } from "./event-json.ts";

export function cloudEventJson(event: StoredEvent): string {
  return event.scope === "" ? madeCloudEvent(event) : sentCloudEvent(event);
}

function sentCloudEvent({ scope, topic, eventId, timestamp, payload, attributes }: StoredEvent): string {
  const { members, data } = attributesOf(attributes);
  const time = timestamp === null ? "" : `,"time":${JSON.stringify(timestamp)}`;
  const more = members === "" ? "" : `,${members}`;
  const carried = data === "none" ? "" : `,"${data}":${payload}`;
  return `{${required(eventId, scope, topic!)}${time}${more}${carried}}`;
}

function madeCloudEvent({ topic, eventId, timestamp, source, payload, receivedAt }: StoredEvent): string {
  const time = timestamp === null ? isoTime(receivedAt) : JSON.stringify(rfc3339Of(timestamp));
  const from = source ? asUriReference(source) : `/topics/${encodeURIComponent(topic!)}`;
  return `{${required(eventId, from, topic!)},"time":${time},"datacontenttype":"application/json","data":${payload}}`;
}

function required(id: string, source: string, type: string): string {
  return `"specversion":"1.0","id":${JSON.stringify(id)},"source":${JSON.stringify(source)},"type":${JSON.stringify(type)}`;
}
