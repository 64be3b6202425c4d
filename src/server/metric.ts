/** What a metric is: what it says of itself, and where its value comes from. */

import type { Counters } from "../events/event.ts";
import type { TopicState } from "../live/counter-board.ts";
import type { Services } from "./services.ts";

/** One series: the values of the metric's labels, in their order, and the number. */
export interface Sample {
  readonly labels: readonly string[];
  readonly value: number;
}

/** What one scrape sees of the topics. */
export interface TopicsInView {
  readonly totals: Readonly<Counters>;
  readonly count: number;
  /** The first `TOPIC_SERIES_MAX`, which have series of their own. */
  readonly listed: readonly TopicState[];
}

interface MetricBase {
  readonly name: string;
  /** One sentence; the documentation has it too. */
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** What it counts or measures. */
  readonly unit: string;
  readonly labels: readonly string[];
}

/** Of the topics that somebody may see; there is none before the store has been opened. */
export interface TopicMetric extends MetricBase {
  readonly of: "topics";
  readonly read: (topics: TopicsInView) => Sample[];
}

/** Of the node as a whole; left out for who may not see that. Without samples it is not known here. */
export interface NodeMetric extends MetricBase {
  readonly of: "node";
  readonly read: (services: Services) => Sample[];
}

export type Metric = TopicMetric | NodeMetric;
