/** GET /metrics as the OpenAPI document has it. */

import { METRICS_TYPE, type Metrics } from "../models/metrics.ts";
import { TOO_MANY_ANSWERS } from "../models/problem.ts";
import { invalidParameter, model, type Operation, problemAnswers, TAGS } from "./operation.ts";

const SOME_METRICS =
  `# HELP onefold_events_received_total All arrivals: first arrivals and duplicates. Over all topics.
# TYPE onefold_events_received_total counter
onefold_events_received_total 3
` satisfies Metrics;

export const METRICS_OPERATION: Operation = {
  operationId: "getMetrics",
  summary: "Read the metrics",
  description:
    "Counters and gauges of the node for Prometheus, as of one moment; docs/operations.md has a table of them. Whoever may not see all topics gets the counters of those that it may see, and of the node as a whole nothing, unless it has the scope `admin`.",
  tags: [TAGS.health.name],
  responses: {
    200: {
      description: "The metrics.",
      content: {
        [METRICS_TYPE]: {
          schema: model("Metrics"),
          examples: { metrics: { summary: "One of them", value: SOME_METRICS } },
        },
      },
    },
    ...problemAnswers({
      invalid_parameter: invalidParameter("topic", "is not a known parameter; there are none here"),
      overloaded: TOO_MANY_ANSWERS,
    }),
  },
};
