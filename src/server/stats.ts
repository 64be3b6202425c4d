/** Statistics: GET /stats once, /ws/stats live. */

import { Elysia } from "elysia";
import { FaultList, pointerTo, unknownField } from "../events/decode-event.ts";
import { countersMembers } from "../events/event.ts";
import { faultOfTopic } from "../events/text-rules.ts";
import { faultOfPattern } from "../events/topic-pattern.ts";
import { type CounterBoard, rateAt, type TopicState } from "../live/counter-board.ts";
import type { StatsSink } from "../live/stats-group.ts";
import { STATS_INTERVAL_DEFAULT_MS, type StatsHub, type StatsSubscription } from "../live/stats-hub.ts";
import { type Problem, ProblemError, problem, refuse } from "../problem.ts";
import { errorFrame } from "./answers.ts";
import { STATS_OPERATION } from "./documentation/stats.ts";
import { STATS_PARAMETERS } from "./models/parameters.ts";
import { expectOpened } from "./opened.ts";
import { jsonResponse } from "./problem-response.ts";
import { QueryReader } from "./query.ts";
import type { ServerClock, Services } from "./services.ts";
import { edgeSocket, type RawSocket } from "./sockets.ts";

/** Patterns of one subscription. */
export const PATTERNS_MAX = 1_000;

export function statsRoutes(services: Services) {
  return new Elysia()
    .get("/stats", ({ request }) => jsonResponse(statsBody(services, request.url)), {
      detail: STATS_OPERATION,
    })
    .ws(
      "/ws/stats",
      edgeSocket(
        (socket, request) => openSubscription(services, socket, request.url),
        (refused) => services.refusals.count(refused),
      ),
    );
}

function statsBody({ hub, clock }: Services, url: string): string {
  const query = new QueryReader(url, Object.keys(STATS_PARAMETERS));
  const topic = query.checked("topic", faultOfTopic);
  query.done();
  expectOpened(hub);
  const { board } = hub;
  const now = clock.now();
  const revision = hub.observeRevision();
  const id = topic === undefined ? undefined : board.idOf(topic);
  const totals = topic === undefined ? board.totals : id === undefined ? NOTHING : board.topic(id);
  const topics =
    topic === undefined ? allTopics(board, now) : id === undefined ? [] : [topicMember(board.topic(id), now)];
  return `{${countersMembers(totals)},"rejected":${board.rejected},"topics":{${topics.join(",")}},"topic_count":${topics.length},${uptime(clock)},"epoch":"${board.epoch}","revision":${revision}}`;
}

const NOTHING = { received: 0, unique_processed: 0, duplicate_dropped: 0, conflicts: 0 };

function uptime({ now, startedAt }: ServerClock): string {
  return `"uptime_seconds":${(now() - startedAt) / 1_000},"started_at":"${new Date(startedAt).toISOString()}"`;
}

function allTopics(board: CounterBoard, now: number): string[] {
  return Array.from({ length: board.topicCount }, (_, i) => topicMember(board.topic(i + 1), now));
}

function topicMember(topic: TopicState, now: number): string {
  return `${JSON.stringify(topic.name)}:{${topicDetails(topic, now)}}`;
}

/** A topic's counters, times and rate (received events a second), as members of a JSON object. */
export function topicDetails(topic: TopicState, now: number): string {
  const times = `"first_at":"${new Date(topic.firstAt).toISOString()}","last_at":"${new Date(topic.lastAt).toISOString()}"`;
  return `${countersMembers(topic)},${times},"rate":${rateAt(topic, now).toFixed(3)}`;
}

function openSubscription({ hub, refusals }: Services, socket: RawSocket, url: string) {
  const sink: StatsSink = {
    send: (text) => void socket.send(text),
    get bufferedBytes() {
      return socket.getBufferedAmount();
    },
    closeAsTooSlow: () => socket.close(4408, "too slow: reconnect and resume"),
  };
  hub.subscribe(sink, subscriptionOfQuery(url));
  let unread = 0;
  const answer = (text: string): void => {
    unread = text.length + (sink.bufferedBytes === 0 ? 0 : unread);
    if (unread > UNREAD_ANSWER_TEXT_MAX) sink.closeAsTooSlow();
    else sink.send(text);
  };
  const refuseFrame = (refused: Problem): void => {
    refusals.count(refused);
    answer(errorFrame(undefined, refused, undefined));
  };
  return {
    route: "/ws/stats" as const,
    text: (text: string): void => {
      try {
        receive(hub, sink, answer, text);
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        refuseFrame(error.problem);
      }
    },
    binary: () => refuseFrame(problem("unsupported_media_type", "Frames are JSON text; this one is binary.")),
    closed: () => hub.unsubscribe(sink),
  };
}

/** UTF-16 units of answers (not of statistics) that a subscriber does not read, while it goes on sending frames. */
const UNREAD_ANSWER_TEXT_MAX = 1024 * 1024;

function receive(hub: StatsHub, sink: StatsSink, answer: (text: string) => void, text: string): void {
  const frame = parseFrame(text);
  if (frame.type === "ping") answer('{"type":"pong"}');
  else if (frame.type === "subscribe") hub.subscribe(sink, subscriptionOfFrame(frame));
  else refuse("invalid_frame", "The frame's type is not known; there are `subscribe` and `ping`.");
}

/** Frames of a subscriber are short: a long one is refused unread. */
const SUBSCRIBER_FRAME_MAX = 512 * 1_024;

function parseFrame(text: string): Record<string, unknown> {
  if (text.length > SUBSCRIBER_FRAME_MAX)
    refuse("body_too_large", `A frame may have ${SUBSCRIBER_FRAME_MAX} bytes here.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse("malformed_json", "The frame could not be parsed as JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse("invalid_frame", "A frame must be a JSON object.");
  return value as Record<string, unknown>;
}

function subscriptionOfQuery(url: string): StatsSubscription {
  const query = new QueryReader(url, ["topics", "interval", "epoch", "revision"]);
  const patterns = query.list("topics");
  const intervalMs = query.integer("interval", { min: 0, max: 3_600_000 }) ?? STATS_INTERVAL_DEFAULT_MS;
  const epoch = query.text("epoch");
  const revision = query.integer("revision", { min: 0, max: Number.MAX_SAFE_INTEGER });
  for (const fault of faultsOfPatterns(patterns)) query.fault("topics", fault);
  query.done();
  return subscription(patterns, intervalMs, epoch, revision);
}

const SUBSCRIBE_FIELDS = ["type", "topics", "interval", "epoch", "revision"] as const;

function subscriptionOfFrame(frame: Record<string, unknown>): StatsSubscription {
  const { topics, interval, epoch, revision } = frame;
  const faults = new FaultList();
  for (const field in frame) {
    const isKnown = (SUBSCRIBE_FIELDS as readonly string[]).includes(field);
    if (!isKnown) faults.add(pointerTo("", field), unknownField(field, SUBSCRIBE_FIELDS));
  }
  const isTextList =
    topics === undefined || (Array.isArray(topics) && topics.every((topic) => typeof topic === "string"));
  if (!isTextList) faults.add("/topics", "must be an array of patterns");
  else
    for (const fault of faultsOfPatterns((topics as string[] | undefined) ?? []))
      faults.add("/topics", fault);
  if (interval !== undefined && !(typeof interval === "number" && interval >= 0))
    faults.add("/interval", "must be a number of milliseconds");
  if (epoch !== undefined && typeof epoch !== "string") faults.add("/epoch", "must be a string");
  if (revision !== undefined && !Number.isSafeInteger(revision))
    faults.add("/revision", "must be a whole number");
  if (faults.count > 0)
    refuse("invalid_frame", "The subscription is invalid; the one before it stays.", faults);
  return subscription(
    (topics as string[] | undefined) ?? [],
    (interval as number | undefined) ?? STATS_INTERVAL_DEFAULT_MS,
    epoch as string | undefined,
    revision as number | undefined,
  );
}

function subscription(
  patterns: string[],
  intervalMs: number,
  epoch: string | undefined,
  revision: number | undefined,
): StatsSubscription {
  const base = { patterns, intervalMs };
  return epoch === undefined || revision === undefined ? base : { ...base, resume: { epoch, revision } };
}

function faultsOfPatterns(patterns: readonly string[]): string[] {
  if (patterns.length > PATTERNS_MAX) return [`may hold ${PATTERNS_MAX} patterns`];
  return patterns.flatMap((pattern) => faultOfPattern(pattern) ?? []);
}
