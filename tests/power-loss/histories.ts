/** Commits of every kind, recorded: what the power is cut in. */

import type { EventRecord } from "../../src/events/event.ts";
import { SEGMENT_EVENTS } from "../../src/storage/sqlite/topic-segments.ts";
import { eventRecord } from "../unit/event-records.ts";
import { Recording } from "./recording.ts";

const LARGE_PAYLOAD = JSON.stringify("large ".repeat(1_500));

/** New events, numbered so that no other commit has them. */
function events(from: number, count: number, topic: string, payload = "1"): EventRecord[] {
  return Array.from({ length: count }, (_, i) => eventRecord(`e${from + i}`, { topic, payload }));
}

/** Three commits of three kinds; `from` keeps their events apart from others. */
function commitThree(recording: Recording, from: number): Recording {
  return recording
    .commit("duplicates alone", [...events(0, 3, "orders"), ...events(100, 2, "payments")])
    .commit("new topics, new events and a conflict", [
      ...events(from, 3, "orders"),
      ...events(from + 10, 2, `topic ${from}`),
      eventRecord("e0", { payload: '"another"' }),
      eventRecord(`e${from + 20}`, { topic: `topic ${from + 1}`, scope: "/a", attributes: '{"type":"b"}' }),
    ])
    .commit("a payload over several pages", [
      ...events(from + 30, 1, "payments", LARGE_PAYLOAD),
      ...events(from, 2, "orders"),
    ]);
}

/** The log has never been copied back. */
export function freshLog(): Recording {
  const recording = new Recording()
    .commit("the first commit", events(0, 5, "orders"))
    .commit("a second topic", [...events(100, 5, "payments"), ...events(0, 2, "orders")]);
  return commitThree(recording, 200);
}

/** The log has begun again twice: frames of two older generations lie beneath the latest. */
export function restartedLog(): Recording {
  const recording = new Recording()
    .commit("the first commit", events(0, 40, "orders"))
    .commit("a second topic", events(100, 5, "payments"));
  commitThree(recording, 200).copyLogBack();
  commitThree(recording, 300).copyLogBack();
  return commitThree(recording, 400);
}

const TOPICS = 150;
const EVENTS_PER_COMMIT = 8_192;

/** The last three commits write what finds a topic's events: rows of a segment that is complete. */
export function segmentsBehindCommits(): Recording {
  const recording = new Recording();
  for (let from = 0; from <= SEGMENT_EVENTS; from += EVENTS_PER_COMMIT) {
    const batch = Array.from({ length: EVENTS_PER_COMMIT }, (_, i) =>
      eventRecord(`e${from + i}`, { topic: `topic ${i % TOPICS}` }),
    );
    recording.commit(`events from ${from}`, batch);
  }
  recording.copyLogBack();
  for (const n of [1, 2, 3])
    recording.commit(`segment rows and events, ${n}`, events(n * 1_000_000, 2, `topic ${n}`));
  return recording;
}
