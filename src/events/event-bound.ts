/** How many events a text can hold at most: known without decoding it, for whoever must know before that is done. */

import type { PublishForm } from "./decoded-publish.ts";

/** An event has one of these members, so the text has one of these names for each event. */
const NAMES = ['"event_id"', '"id"'];

/** A CloudEvent has this one. */
const CLOUD_EVENT_NAMES = ['"id"'];

/** Forms that hold one event, or are refused. */
const SINGLE_FORMS: ReadonlySet<PublishForm> = new Set([
  "cloud-event",
  "binary-cloud-event",
  "cloud-event-frame",
]);

/** The letters of those names can be spelt as escapes as well, and each of these escapes begins like this. */
const ESCAPED_LETTERS = ["\\u005", "\\u006", "\\u007"];

/**
 * Never less than what `decodePublish` finds in the text, and at least 1. It is more where the text has one of those names
 * elsewhere, in a payload or as the id of a frame. Where letters of names may be escaped each object may be an event.
 * @param eventsMax events that one publish may hold: with more it is refused, so nobody need count further.
 */
export function eventsAtMost(text: string, eventsMax: number, form: PublishForm = "body"): number {
  if (SINGLE_FORMS.has(form)) return 1;
  const names = form === "cloud-event-batch" ? CLOUD_EVENT_NAMES : NAMES;
  const words = mayEscapeNames(text) ? ["{"] : names;
  let count = 0;
  for (const word of words) {
    for (let at = text.indexOf(word); at >= 0 && count < eventsMax; at = text.indexOf(word, at + word.length))
      count++;
  }
  return Math.max(1, count);
}

/** Most texts have no escape at all, and to look for one character costs next to nothing. */
function mayEscapeNames(text: string): boolean {
  return text.includes("\\") && ESCAPED_LETTERS.some((start) => text.includes(start));
}
