/** Outcomes as the text that publishers get, over HTTP and over the publish channel. */

import { countersMembers } from "../events/event.ts";
import type { Accepted, Outcome } from "../ingest/publish.ts";
import { type Problem, type ProblemCode, problemMembers } from "../problem.ts";

/** The body of a 200 to POST /publish. */
export function acceptedBody({ counters, single, results }: Accepted): string {
  const isDuplicate = counters.duplicate_dropped > 0;
  const status = single === undefined ? "accepted" : isDuplicate ? "duplicate" : "processed";
  const more = `${single === undefined ? "" : `,${single}`}${resultsMember(results)}`;
  return `{"status":"${status}","count":${counters.received},${countersMembers(counters)}${more}}`;
}

/** `frame` is the frame's ordinal on its socket. */
export function frameAnswer(frame: number, outcome: Outcome): string {
  if (outcome.kind === "refused") return errorFrame(frame, outcome.problem, frameIdOf(frame, outcome));
  const { counters, results } = outcome;
  return `{"type":"ack","frame":${frame},"id":${outcome.frameId ?? frame},"count":${counters.received},${countersMembers(counters)}${resultsMember(results)}}`;
}

/** @param frameId JSON text; undefined where the frame could not be read. */
export function errorFrame(frame: number | undefined, problem: Problem, frameId: string | undefined): string {
  const place = frame === undefined ? "" : `"frame":${frame},`;
  const id = frameId === undefined ? "" : `"id":${frameId},`;
  return `{"type":"error",${place}${id}${problemMembers(problem)}}`;
}

const UNREADABLE: readonly ProblemCode[] = ["malformed_json", "unsupported_media_type"];

/** A frame that could not be read has no id; any other has its own, or else its ordinal. */
function frameIdOf(frame: number, { frameId, problem }: Outcome & { kind: "refused" }): string | undefined {
  return frameId ?? (UNREADABLE.includes(problem.code) ? undefined : String(frame));
}

function resultsMember(results: string | undefined): string {
  return results === undefined ? "" : `,"results":[${results}]`;
}
