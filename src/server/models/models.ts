/** Every model by the name it has in the documents. */

import { CloudEvent } from "./cloud-event.ts";
import { Conflict, ConflictPage, Event, EventPage, StoredEvent } from "./event.ts";
import { Health } from "./health.ts";
import { Metrics } from "./metrics.ts";
import { Problem, ProblemPlace } from "./problem.ts";
import { BatchAnswer, EventAnswer, EventResult, PublishAnswer } from "./publish.ts";
import { NamedTopicCounters, Stats, TopicCounters, TopicPage } from "./stats.ts";

export const MODELS = {
  Event,
  CloudEvent,
  PublishAnswer,
  BatchAnswer,
  EventAnswer,
  EventResult,
  StoredEvent,
  EventPage,
  Conflict,
  ConflictPage,
  Stats,
  TopicCounters,
  NamedTopicCounters,
  TopicPage,
  Health,
  Metrics,
  Problem,
  ProblemPlace,
};

export type ModelName = keyof typeof MODELS;
