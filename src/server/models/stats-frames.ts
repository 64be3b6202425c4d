/** What goes over /ws/stats, in both directions. */

import { type Static, Type } from "@sinclair/typebox";
import { STATS_INTERVAL_DEFAULT_MS, STATS_INTERVALS_MS } from "../../live/stats-hub.ts";
import { patternText } from "./event.ts";
import { count, refTo } from "./schema.ts";
import { COUNTER_FIELDS } from "./stats.ts";

export const Counters = Type.Object(COUNTER_FIELDS, { description: "The four counters." });
export type Counters = Static<typeof Counters>;

const topicsOf = (description: string) =>
  Type.Unsafe<Record<string, Counters>>({
    type: "object",
    additionalProperties: refTo("Counters", Counters),
    description,
  });

const epoch = Type.String({
  description: "Revisions mean nothing in another epoch, which begins with every start.",
  examples: ["1f6b8a52-6e0c-4d57-9a0b-0d2c52a1e7d4"],
});

export const SnapshotFrame = Type.Object(
  {
    type: Type.Literal("snapshot"),
    epoch,
    revision: count("Commits that these counters hold, since the epoch began."),
    ...COUNTER_FIELDS,
    topics: topicsOf("The counters of each topic that is covered, by its name."),
  },
  { description: "The counters of what is subscribed, as of one revision." },
);
export type SnapshotFrame = Static<typeof SnapshotFrame>;

export const DeltaFrame = Type.Object(
  {
    type: Type.Literal("delta"),
    epoch,
    from: count("The revision that was told before: the increments are since then."),
    revision: count("The revision that is reached with them."),
    ...COUNTER_FIELDS,
    topics: topicsOf("The increments of each topic that has some, by its name."),
  },
  {
    description:
      "Increments since `from`. A snapshot and the deltas after it, added up, are the counters at `revision`, exactly.",
  },
);
export type DeltaFrame = Static<typeof DeltaFrame>;

export const interval = Type.Number({
  minimum: 0,
  default: STATS_INTERVAL_DEFAULT_MS,
  description: `Milliseconds between two deltas, at least; rounded up to ${STATS_INTERVALS_MS.join(", ")}.`,
  examples: [...STATS_INTERVALS_MS],
});

/** @param patternsMax as this node is configured. */
export const patternList = (patternsMax: number) =>
  Type.Array(patternText("A topic, or a prefix and one final `*`."), {
    maxItems: patternsMax,
    description: "What to tell of; none means every topic.",
  });

/** What a client knows that comes back. */
export const RESUMING = {
  epoch: Type.String({ description: "With `revision`: what is known already." }),
  revision: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: "With `epoch`: tells what has changed since, in one delta; or else a snapshot.",
  }),
};

/** @param patternsMax as this node is configured. */
export const subscribeFrame = (patternsMax: number) =>
  Type.Object(
    {
      type: Type.Literal("subscribe"),
      topics: Type.Optional(patternList(patternsMax)),
      interval: Type.Optional(interval),
      epoch: Type.Optional(RESUMING.epoch),
      revision: Type.Optional(RESUMING.revision),
    },
    {
      additionalProperties: false,
      description: "What to tell from now on, instead of what was told before.",
    },
  );
export type SubscribeFrame = Static<ReturnType<typeof subscribeFrame>>;
