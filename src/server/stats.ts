/** Statistics: GET /stats once, /ws/stats and GET /stats/stream live. */

import { Elysia } from "elysia";
import type { Grant } from "../access/grant.ts";
import { type Counters, countersMembers, zeroCounters } from "../events/event.ts";
import { faultOfTopic } from "../events/text-rules.ts";
import { type CounterBoard, rateAt, type TopicState } from "../live/counter-board.ts";
import { STATS_OPERATION, STATS_STREAM_OPERATION } from "./documentation/stats.ts";
import { STATS_PARAMETERS } from "./models/parameters.ts";
import { expectOpened } from "./opened.ts";
import { QueryReader } from "./query.ts";
import type { ServerClock, Services } from "./services.ts";
import { edgeSocket } from "./sockets.ts";
import { StatsSocket } from "./stats-socket.ts";
import { statsStream } from "./stats-stream.ts";
import { expectVisible, visibleTopics } from "./visible-topics.ts";

export function statsRoutes(services: Services) {
  const { admission, answers } = services;
  return new Elysia()
    .get(
      "/stats",
      ({ request }) =>
        answers.json(request, statsBody(services, admission.callerOf(request).grant, request.url)),
      { detail: STATS_OPERATION },
    )
    .get("/stats/stream", ({ request }) => statsStream(services, request), { detail: STATS_STREAM_OPERATION })
    .ws(
      "/ws/stats",
      edgeSocket(services, {
        path: "/ws/stats",
        takesPublishes: false,
        open: (socket, request, { grant }) => new StatsSocket(services, socket, grant, request.url),
      }),
    );
}

function statsBody({ hub, clock }: Services, grant: Grant, url: string): string {
  const query = new QueryReader(url, Object.keys(STATS_PARAMETERS));
  const topic = query.checked("topic", faultOfTopic);
  query.done();
  expectOpened(hub);
  if (topic !== undefined) expectVisible(grant, topic);
  const { board } = hub;
  const now = clock.now();
  const revision = hub.observeRevision();
  const { totals, topics } = topic === undefined ? countersOfAll(grant, board) : countersOfOne(topic, board);
  const members = topics.map((state) => topicMember(state, now));
  return `{${countersMembers(totals)},"rejected":${board.rejected},"topics":{${members.join(",")}},"topic_count":${topics.length},${uptime(clock)},"epoch":"${board.epoch}","revision":${revision}}`;
}

interface Counted {
  readonly totals: Counters;
  readonly topics: readonly TopicState[];
}

function countersOfOne(topic: string, board: CounterBoard): Counted {
  const id = board.idOf(topic);
  if (id === undefined) return { totals: zeroCounters(), topics: [] };
  return { totals: board.topic(id), topics: [board.topic(id)] };
}

/** Everything that the caller may see. */
function countersOfAll(grant: Grant, board: CounterBoard): Counted {
  const visible = visibleTopics(grant, board);
  return { totals: visible.totals(), topics: Array.from(visible.ids(), (id) => board.topic(id)) };
}

function uptime({ now, startedAt }: ServerClock): string {
  return `"uptime_seconds":${(now() - startedAt) / 1_000},"started_at":"${new Date(startedAt).toISOString()}"`;
}

function topicMember(topic: TopicState, now: number): string {
  return `${JSON.stringify(topic.name)}:{${topicDetails(topic, now)}}`;
}

/** A topic's counters, times and rate (received events a second), as members of a JSON object. */
export function topicDetails(topic: TopicState, now: number): string {
  const times = `"first_at":"${new Date(topic.firstAt).toISOString()}","last_at":"${new Date(topic.lastAt).toISOString()}"`;
  return `${countersMembers(topic)},${times},"rate":${rateAt(topic, now).toFixed(3)}`;
}
