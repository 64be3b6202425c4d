/** What GET /metrics gives: text in the exposition format of Prometheus. */

import { type Static, Type } from "@sinclair/typebox";

/** The version of the format is a part of its media type. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export const Metrics = Type.String({
  description: "Metrics in the text format of Prometheus: a line for each series, after its help and type.",
});
export type Metrics = Static<typeof Metrics>;
