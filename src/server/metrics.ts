/** GET /metrics: everything in the table of metrics as Prometheus reads it, as far as whoever asks may see it. */

import { Elysia } from "elysia";
import { addCounters, zeroCounters } from "../events/event.ts";
import type { CounterBoard, TopicState } from "../live/counter-board.ts";
import { METRICS_OPERATION } from "./documentation/metrics.ts";
import { expositionOf } from "./exposition.ts";
import { METRICS, type Metric, type Sample, type TopicsInView } from "./metric-table.ts";
import { METRICS_TYPE } from "./models/metrics.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";

/** Topics with series of their own, the first ones: a monitor keeps every series that it ever saw. */
export const TOPIC_SERIES_MAX = 1_000;

/** What somebody may see. */
export interface MetricsView {
  /** Totals are of these topics alone, and where they are not all, nothing of the node as a whole is shown. */
  readonly visible: "all" | ((topic: string) => boolean);
  /** Whether it may see what concerns the node as a whole. */
  readonly showsProcess: boolean;
}

export const EVERYTHING_IN_VIEW: MetricsView = { visible: "all", showsProcess: true };

/** @param viewOf what the sender of a request may see. @throws ProblemError where that is nothing at all. */
export function metricsRoutes(services: Services, viewOf: (request: Request) => MetricsView) {
  return new Elysia().get("/metrics", ({ request }) => answer(services, request.url, viewOf(request)), {
    detail: METRICS_OPERATION,
  });
}

function answer(services: Services, url: string, view: MetricsView): Response {
  new QueryReader(url, []).done();
  return new Response(metricsText(services, view), { headers: { "content-type": METRICS_TYPE } });
}

/** All values are of one moment: they are read before anything else has its turn. What is not known is left out. */
export function metricsText(services: Services, { visible, showsProcess }: MetricsView): string {
  // Before the counters are there they are unknown; a monitor would take 0 for a reset.
  const { board } = services.hub;
  const topics = board.isOpen ? topicsInView(board, visible) : undefined;
  const showsNode = showsProcess && visible === "all";
  const samplesOf = (metric: Metric): Sample[] => {
    if (metric.of === "topics") return topics === undefined ? [] : metric.read(topics);
    return showsNode ? metric.read(services) : [];
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
