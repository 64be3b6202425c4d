/**
 * The heart: everything that arrived while the last commit ran becomes the next commit.
 *
 * Bodies are decoded and judged one by one; what is wrong is refused alone. The events of the others go to the
 * store as one batch, and every publish gets one outcome, in the order in which they came. Knows no thread,
 * no transport and no clock but the one it is handed.
 */

import type { Grant } from "../access/grant.ts";
import { decodePublish, FrameError } from "../events/decode-publish.ts";
import type { DecodedPublish, DecodeLimits, PublishForm } from "../events/decoded-publish.ts";
import { EVENT_STATUS_NAMES, type EventRecord, EventStatus, zeroCounters } from "../events/event.ts";
import { TopicPatterns } from "../events/topic-pattern.ts";
import { ProblemError, problem } from "../problem.ts";
import { type AppendResult, type EventStore, StoreError, type Verdicts } from "../storage/event-store.ts";
import { type Accepted, type CommitNotice, type Outcome, type Publish, refusal } from "./publish.ts";

export interface GroupCommitLimits extends DecodeLimits {
  readonly topicsMax: number;
}

export interface GroupCommitOptions {
  readonly store: EventStore;
  readonly limits: GroupCommitLimits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told of an error that decoding should not have thrown. */
  readonly onFault: (error: unknown) => void;
}

/** A commit takes no more publishes once it holds this many events: a longer one holds up its answers and saves nothing. */
export const COMMIT_EVENTS_MAX = 2_048;

/** The same in UTF-16 units of text. */
export const COMMIT_TEXT_MAX = 8 * 1024 * 1024;

export interface CommitReport {
  /** One per publish that was taken, in order. */
  readonly outcomes: readonly Outcome[];
  readonly notice: CommitNotice | undefined;
  /** In the batch that was tried. */
  readonly events: number;
  /** Why the commit failed; with an unknown outcome the store must be opened again before the next one. */
  readonly failure: StoreError | undefined;
}

/** Those whose answer is a frame, which says the same of one event as of many. */
const FRAME_FORMS: ReadonlySet<PublishForm> = new Set(["frame", "cloud-event-frame"]);

/** A publish on its way through one commit: decoded, with its range in the batch, or refused. */
type Entry = { decoded: DecodedPublish; publish: Publish; start: number } | { outcome: Outcome };

export class GroupCommit {
  readonly #store: EventStore;
  readonly #limits: GroupCommitLimits;
  readonly #now: () => number;
  /** The patterns of the grant seen last: the publishes of one moment mostly share one. */
  #patterns = new TopicPatterns([]);
  #patternsKey = this.#patterns.key;

  readonly #onFault: (error: unknown) => void;

  constructor({ store, limits, now, onFault }: GroupCommitOptions) {
    this.#store = store;
    this.#limits = limits;
    this.#now = now;
    this.#onFault = onFault;
  }

  /** Takes publishes off the front of the queue and commits them together. */
  run(queue: Publish[]): CommitReport {
    const entries: Entry[] = [];
    const events: EventRecord[] = [];
    const newTopics = new Set<string>();
    let text = 0;
    let taken = 0;
    while (taken < queue.length && events.length < COMMIT_EVENTS_MAX && text < COMMIT_TEXT_MAX) {
      const publish = queue[taken++]!;
      text += publish.text.length;
      entries.push(this.#admit(publish, events, newTopics));
    }
    queue.splice(0, taken);
    return this.#commit(entries, events);
  }

  /** Decodes and judges one publish; adds its events to the batch, or none of them. */
  #admit(publish: Publish, events: EventRecord[], newTopics: Set<string>): Entry {
    try {
      const decoded = decodePublish(publish.text, publish.form, this.#limits);
      this.#judgeTopics(decoded, this.#patternsOf(publish.grant), newTopics);
      const start = events.length;
      for (const event of decoded.events) events.push(event);
      return { decoded, publish, start };
    } catch (error) {
      if (error instanceof ProblemError) {
        return { outcome: refusal(error.problem, error instanceof FrameError ? error.frameId : undefined) };
      }
      // A fault of ours in one publish must not take the others with it.
      this.#onFault(error);
      return { outcome: refusal(problem("internal_error", "The publish could not be decoded.")) };
    }
  }

  /** Only here are the topics known: whether the publisher may use them, and whether there is room for new ones. */
  #judgeTopics(
    { events, frameId }: DecodedPublish,
    allowed: TopicPatterns | undefined,
    newTopics: Set<string>,
  ): void {
    const own = new Set<string>();
    let last: string | undefined;
    for (const { topic } of events) {
      if (topic === last) continue;
      last = topic;
      if (!allowed?.matchesAll && !allowed?.matches(topic)) {
        throw new FrameError(
          problem("forbidden_topic", `Publishing to \`${topic}\` is not allowed.`),
          frameId,
        );
      }
      if (!this.#store.hasTopic(topic) && !newTopics.has(topic)) own.add(topic);
    }
    if (own.size === 0) return;
    const { topicsMax } = this.#limits;
    if (this.#store.topicCount + newTopics.size + own.size > topicsMax) {
      const detail = `There may be ${topicsMax} topics (--max-topics); these events would begin more.`;
      throw new FrameError(problem("too_many_topics", detail), frameId);
    }
    for (const topic of own) newTopics.add(topic);
  }

  /** None for a grant without topics: a subscriber's empty list means every topic, a publisher's none. */
  #patternsOf({ topics }: Grant): TopicPatterns | undefined {
    if (topics.length === 0) return undefined;
    const key = topics.join(",");
    if (key !== this.#patternsKey) {
      this.#patternsKey = key;
      this.#patterns = new TopicPatterns(topics);
    }
    return this.#patterns;
  }

  #commit(entries: readonly Entry[], events: readonly EventRecord[]): CommitReport {
    if (events.length === 0) {
      return {
        outcomes: entries.map((entry) => ("outcome" in entry ? entry.outcome : emptyOutcome(entry))),
        notice: undefined,
        events: 0,
        failure: undefined,
      };
    }
    try {
      const result = this.#store.append({ events, receivedAt: this.#now() });
      return {
        outcomes: entries.map((entry) => ("outcome" in entry ? entry.outcome : accepted(entry, result))),
        notice: result.increments,
        events: events.length,
        failure: undefined,
      };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return { ...refuseAll(entries, error), events: events.length, failure: error };
    }
  }
}

function refuseAll(
  entries: readonly Entry[],
  { outcome }: StoreError,
): { outcomes: Outcome[]; notice: undefined } {
  const failure =
    outcome === "unknown"
      ? problem(
          "outcome_unknown",
          "The commit failed midway: it may or may not have been stored. Sending again settles it.",
        )
      : problem("storage_failing", "The commit failed and nothing was stored. Sending again is safe.");
  const outcomes = entries.map((entry) =>
    "outcome" in entry ? entry.outcome : refusal(failure, entry.decoded.frameId),
  );
  return { outcomes, notice: undefined };
}

function emptyOutcome({ decoded, publish }: { decoded: DecodedPublish; publish: Publish }): Accepted {
  const results = publish.wantsResults || decoded.wantsResults ? "" : undefined;
  return { kind: "accepted", counters: zeroCounters(), frameId: decoded.frameId, single: undefined, results };
}

function accepted(
  { decoded, publish, start }: { decoded: DecodedPublish; publish: Publish; start: number },
  { verdicts }: AppendResult,
): Accepted {
  const counters = zeroCounters();
  const { events, isSingle, frameId } = decoded;
  counters.received = events.length;
  const { status } = verdicts;
  for (let i = start; i < start + events.length; i++) {
    if (status[i] === EventStatus.processed) counters.unique_processed++;
    else {
      counters.duplicate_dropped++;
      if (status[i] === EventStatus.conflict) counters.conflicts++;
    }
  }
  const wantsResults = publish.wantsResults || decoded.wantsResults;
  return {
    kind: "accepted",
    counters,
    frameId,
    single:
      isSingle && !FRAME_FORMS.has(publish.form) ? singleMembers(events[0]!, verdicts, start) : undefined,
    results: wantsResults
      ? events.map((event, i) => resultOf(event, verdicts, start + i)).join(",")
      : undefined,
  };
}

function singleMembers({ topic, eventId }: EventRecord, { status, seq }: Verdicts, at: number): string {
  const isDuplicate = status[at] !== EventStatus.processed;
  return `"is_duplicate":${isDuplicate},"topic":${JSON.stringify(topic)},"event_id":${JSON.stringify(eventId)},"seq":${seq[at]}`;
}

function resultOf(
  { topic, eventId }: EventRecord,
  { status, seq, firstReceivedAt }: Verdicts,
  at: number,
): string {
  return JSON.stringify({
    event_id: eventId,
    topic,
    status: EVENT_STATUS_NAMES[status[at] as EventStatus],
    seq: seq[at],
    first_received_at: new Date(firstReceivedAt[at]!).toISOString(),
  });
}
