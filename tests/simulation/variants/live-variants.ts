/** Live counters and deltas that break a guarantee, each in a way that somebody might have written. */

import { TopicPatterns } from "../../../src/events/topic-pattern.ts";
import { CounterBoard } from "../../../src/live/counter-board.ts";
import { DeltaLog } from "../../../src/live/delta-log.ts";
import { StatsGroup, type StatsSink } from "../../../src/live/stats-group.ts";
import { StatsHub } from "../../../src/live/stats-hub.ts";
import type { Increments } from "../../../src/storage/event-store.ts";
import { type BrokenVariant, replace } from "./replace.ts";

/** Replaces how the log takes in a commit. */
function replaceLogAdd(
  make: (add: DeltaLog["add"], ...commit: Parameters<DeltaLog["add"]>) => void,
): () => void {
  return replace(
    DeltaLog.prototype,
    "add",
    (real) =>
      function (this: DeltaLog, ...commit: Parameters<typeof real>): void {
        make((...changed) => real.apply(this, changed), ...commit);
      },
  );
}

function loseCommitInLog(): () => void {
  let commits = 0;
  return replaceLogAdd((add, revision, rows, now) =>
    add(revision, ++commits % 7 === 0 ? new Float64Array() : rows, now),
  );
}

function sumFromWrongRevision(): () => void {
  const memo = new WeakMap<DeltaLog, { to: number; rows: ReturnType<DeltaLog["sum"]> }>();
  return replace(
    DeltaLog.prototype,
    "sum",
    (real) =>
      function (this: DeltaLog, from: number, to: number) {
        const last = memo.get(this);
        if (last?.to === to) return last.rows;
        const rows = real.call(this, from, to);
        memo.set(this, { to, rows });
        return rows;
      },
  );
}

function sumOneRevisionTooFar(): () => void {
  return replace(
    DeltaLog.prototype,
    "sum",
    (real) =>
      function (this: DeltaLog, from: number, to: number) {
        return real.call(this, from, from === to ? to : to + 1);
      },
  );
}

/** Changes a sink when it is taken into a group. */
function replaceSink(change: (sink: StatsSink) => void): () => void {
  const changed = new WeakSet<StatsSink>();
  return replace(
    StatsGroup.prototype,
    "add",
    (real) =>
      function (this: StatsGroup, ...args: Parameters<typeof real>): void {
        const { sink } = args[0];
        if (!changed.has(sink)) change(sink);
        changed.add(sink);
        real.apply(this, args);
      },
  );
}

const DELTA = '{"type":"delta"';

/** Does something else with every fifth delta. */
function replaceSomeDeltas(send: (real: StatsSink["send"], ...frame: Parameters<StatsSink["send"]>) => void) {
  let deltas = 0;
  return replaceSink((sink) => {
    const real = sink.send.bind(sink);
    sink.send = (text, revision) => {
      if (text.startsWith(DELTA) && ++deltas % 5 === 0) send(real, text, revision);
      else real(text, revision);
    };
  });
}

/** What a reader was to be told while it was behind is forgotten, not summed. */
function forgetWhatWaits(sink: StatsSink): void {
  const real = sink.send.bind(sink);
  let wasBehind = false;
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(sink), "bufferedBytes")!;
  Object.defineProperty(sink, "bufferedBytes", {
    get: () => {
      const bytes = get!.call(sink) as number;
      wasBehind ||= bytes > 0;
      return bytes;
    },
  });
  sink.send = (text, revision) => {
    if (!wasBehind || !text.startsWith(DELTA)) real(text, revision);
    wasBehind = false;
  };
}

/** Whoever stands further back than the log is told that nothing happened. */
function sumNothingWhereGone(): () => void {
  return replace(
    DeltaLog.prototype,
    "sum",
    (real) =>
      function (this: DeltaLog, from: number, to: number) {
        return real.call(this, from, to) ?? new Map();
      },
  );
}

/** The counters take in a commit when the next one comes. */
function countLate(): () => void {
  const waiting = new WeakMap<StatsHub, Increments>();
  return replace(
    StatsHub.prototype,
    "committed",
    (real) =>
      function (this: StatsHub, increments: Increments): void {
        const earlier = waiting.get(this);
        waiting.set(this, increments);
        if (earlier !== undefined) real.call(this, earlier);
      },
  );
}

/** Changes what a subscriber asks for. */
function replaceSubscription(
  change: (subscription: Parameters<StatsHub["subscribe"]>[1]) => Parameters<StatsHub["subscribe"]>[1],
): () => void {
  return replace(
    StatsHub.prototype,
    "subscribe",
    (real) =>
      function (this: StatsHub, sink: StatsSink, subscription): void {
        real.call(this, sink, change(subscription));
      },
  );
}

export const LIVE_VARIANTS: readonly BrokenVariant[] = [
  { name: "loses a delta", install: () => replaceSomeDeltas(() => {}) },
  { name: "loses a commit in the delta log", install: loseCommitInLog },
  { name: "sums a delta from somebody else's revision", install: sumFromWrongRevision },
  { name: "sums a delta one revision too far", install: sumOneRevisionTooFar },
  {
    name: "tells a delta twice",
    install: () =>
      replaceSomeDeltas((send, text, revision) => {
        send(text, revision);
        send(text, revision);
      }),
  },
  {
    name: "forgets what a reader that is behind was to be told",
    install: () => replaceSink(forgetWhatWaits),
  },
  {
    name: "takes it that everybody reads what is sent",
    install: () => replaceSink((sink) => Object.defineProperty(sink, "bufferedBytes", { value: 0 })),
  },
  {
    name: "takes it that the delta log reaches back to everybody",
    install: sumNothingWhereGone,
  },
  {
    name: "goes on in a new epoch without a snapshot",
    install: () => replace(StatsGroup.prototype, "reset", () => () => {}),
  },
  {
    name: "opens the store again without a new epoch",
    install: () =>
      replace(
        CounterBoard.prototype,
        "reset",
        (real) =>
          function (this: CounterBoard, epoch, contents): void {
            real.call(this, this.isOpen ? this.epoch : epoch, contents);
          },
      ),
  },
  {
    name: "keeps the delta log across epochs",
    install: () => replace(DeltaLog.prototype, "reset", () => () => {}),
  },
  {
    name: "forgets deltas after a few seconds",
    install: () => replaceLogAdd((add, revision, rows, now) => add(revision, rows, now * 20)),
  },
  {
    name: "resumes one revision late",
    install: () =>
      replaceSubscription((subscription) => {
        const { resume } = subscription;
        if (resume === undefined) return subscription;
        return { ...subscription, resume: { ...resume, revision: resume.revision + 1 } };
      }),
  },
  {
    name: "tells more often than was asked for",
    install: () =>
      replaceSubscription((subscription) => ({ ...subscription, intervalMs: subscription.intervalMs - 1 })),
  },
  {
    name: "closes a slow reader after half of the time",
    install: () =>
      replace(
        StatsGroup.prototype,
        "tick",
        (real) =>
          function (this: StatsGroup, latest: () => number, now: number) {
            return real.call(this, latest, now * 2);
          },
      ),
  },
  {
    name: "goes on telling who has left",
    install: () => replace(StatsGroup.prototype, "remove", () => () => {}),
  },
  { name: "answers before it counts", install: countLate },
  {
    name: "takes a prefix for a whole name",
    install: () =>
      replace(
        TopicPatterns.prototype,
        "matches",
        (real) =>
          function (this: TopicPatterns, topic: string): boolean {
            return this.matchesAll || (real.call(this, topic) && this.key.split(",").includes(topic));
          },
      ),
  },
];
