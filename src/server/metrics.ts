/** GET /metrics: everything in the table of metrics as Prometheus reads it, as far as whoever asks may see it. */

import { Elysia } from "elysia";
import { addCounters, zeroCounters } from "../events/event.ts";
import type { CounterBoard, TopicState } from "../live/counter-board.ts";
import type { Caller } from "./admission.ts";
import { METRICS_OPERATION } from "./documentation/metrics.ts";
import { expositionOf } from "./exposition.ts";
import type { Metric, Sample, TopicsInView } from "./metric.ts";
import { METRICS } from "./metric-table.ts";
import { METRICS_TYPE } from "./models/metrics.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";
import { sees, seesAll } from "./visible-topics.ts";

/** Topics with series of their own, the first ones: a monitor keeps every series that it ever saw. */
export const TOPIC_SERIES_MAX = 1_000;

/** What somebody may see. */
export interface MetricsView {
  /** Totals are of these topics alone. */
  readonly visible: "all" | ((topic: string) => boolean);
  /** Whether it may see what concerns the node as a whole. */
  readonly showsProcess: boolean;
}

export function metricsRoutes(services: Services) {
  return new Elysia().get("/metrics", ({ request }) => answer(services, request), {
    detail: METRICS_OPERATION,
  });
}

function answer(services: Services, request: Request): Response {
  const caller = services.admission.callerOf(request);
  new QueryReader(request.url, []).done();
  const text = metricsText(services, viewOf(caller));
  return services.answers.text(request, text, { "content-type": METRICS_TYPE });
}

/** The node as a whole is for who administers it. */
function viewOf({ principal, grant }: Caller): MetricsView {
  const visible = seesAll(grant) ? "all" : (topic: string) => sees(grant, topic);
  return { visible, showsProcess: principal.grants.admin !== undefined };
}

/** All values are of one moment: they are read before anything else has its turn. What is not known is left out. */
export function metricsText(services: Services, { visible, showsProcess }: MetricsView): string {
  const { board } = services.hub;
  // Before the counters are there they are unknown; a monitor would take 0 for a reset.
  const topics = board.isOpen ? topicsInView(board, visible) : undefined;
  const samplesOf = (metric: Metric): Sample[] => {
    if (metric.of === "topics") return topics === undefined ? [] : metric.read(topics);
    return showsProcess ? metric.read(services) : [];
  };
  return expositionOf(METRICS.map((metric) => [metric, samplesOf(metric)] as const));
}

function topicsInView(board: CounterBoard, visible: MetricsView["visible"]): TopicsInView {
  const totals = zeroCounters();
  const listed: TopicState[] = [];
  let count = 0;
  for (let id = 1; id <= board.topicCount; id++) {
    const topic = board.topic(id);
    if (visible !== "all" && !visible(topic.name)) continue;
    addCounters(totals, topic);
    if (count++ < TOPIC_SERIES_MAX) listed.push(topic);
  }
  return { totals, count, listed };
}
