/**
 * The heart: everything that arrived while the last commit ran becomes the next commit.
 *
 * Bodies are decoded and judged one by one; what is wrong is refused alone. The events of the others go to the
 * store as one batch, and every publish gets one outcome, in the order in which they came. Knows no thread,
 * no transport and no clock but the one it is handed.
 */

import type { Grant } from "../access/grant.ts";
import { decodeLines, linesBefore } from "../events/decode-lines.ts";
import { decodePublish, FrameError } from "../events/decode-publish.ts";
import type { DecodedPublish, DecodeLimits, PublishForm } from "../events/decoded-publish.ts";
import { EVENT_STATUS_NAMES, type EventRecord, EventStatus, zeroCounters } from "../events/event.ts";
import { TopicPatterns } from "../events/topic-pattern.ts";
import { type Problem, ProblemError, problem } from "../problem.ts";
import { type AppendResult, type EventStore, StoreError, type Verdicts } from "../storage/event-store.ts";
import type { KeyedAnswer } from "../storage/request-answers.ts";
import {
  type Accepted,
  type CommitNotice,
  type Outcome,
  type Publish,
  refusal,
  type TakenLines,
} from "./publish.ts";
import { keptAnswer, longestVerdicts, RequestKeys } from "./request-keys.ts";

export interface GroupCommitLimits extends DecodeLimits {
  readonly topicsMax: number;
  /** What all answers that are kept under keys may take. */
  readonly answerBytesMax?: number;
}

export interface GroupCommitOptions {
  readonly store: EventStore;
  readonly limits: GroupCommitLimits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told of an error that decoding should not have thrown. */
  readonly onFault: (error: unknown) => void;
  /** Told where a request is done again because the answer that was kept for it is damaged. */
  readonly onDamagedAnswer: () => void;
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
type Entry = TakenEntry | { outcome: Outcome };

interface TakenEntry {
  readonly decoded: DecodedPublish;
  readonly publish: Publish;
  readonly start: number;
  /** Of a piece of lines. */
  readonly lines?: TakenLines;
}

/** Nobody is shown it: whoever sends a stream is told about the piece that broke it. */
const BEHIND_A_GAP = problem("overloaded", "What came before it in its stream was not taken.");

export class GroupCommit {
  readonly #store: EventStore;
  readonly #limits: GroupCommitLimits;
  readonly #now: () => number;
  /** The patterns of the grant seen last: the publishes of one moment mostly share one. */
  #patterns = new TopicPatterns([]);
  #patternsKey = this.#patterns.key;

  readonly #keys: RequestKeys;
  readonly #onFault: (error: unknown) => void;
  /** Streams of which a piece was not taken whole: nothing behind it is, or there would be a gap in them. */
  readonly #brokenStreams = new Set<number>();

  constructor({ store, limits, now, onFault, onDamagedAnswer }: GroupCommitOptions) {
    this.#store = store;
    this.#limits = limits;
    this.#now = now;
    this.#onFault = onFault;
    const bytesMax = limits.answerBytesMax ?? Number.POSITIVE_INFINITY;
    this.#keys = new RequestKeys({ store, bytesMax, onDamaged: onDamagedAnswer });
  }

  /** Takes publishes off the front of the queue and commits them together. */
  run(queue: Publish[]): CommitReport {
    const entries: Entry[] = [];
    const events: EventRecord[] = [];
    const newTopics = new Set<string>();
    this.#keys.clear();
    let text = 0;
    let taken = 0;
    let keyed = 0;
    while (taken < queue.length && events.length + keyed < COMMIT_EVENTS_MAX && text < COMMIT_TEXT_MAX) {
      const publish = queue[taken++]!;
      const entry = this.#known(publish) ?? this.#admit(publish, events, newTopics);
      entries.push(entry);
      text += publish.text.length;
      if (publish.key === undefined) continue;
      // Each is a row of its own, or an answer to be handed back, whatever it holds.
      keyed++;
      if ("outcome" in entry && entry.outcome.kind === "accepted") text += entry.outcome.results?.length ?? 0;
    }
    queue.splice(0, taken);
    return this.#commit(entries, events);
  }

  /** A request that needs no look at what it holds: its key says what to answer. */
  #known({ key }: Publish): Entry | undefined {
    const outcome = key && this.#keys.outcomeOf(key);
    return outcome && { outcome };
  }

  /** A piece of a stream was not taken: what comes behind it is not either. */
  breakStreamOf({ stream }: Publish): void {
    if (stream !== undefined) this.#brokenStreams.add(stream);
  }

  /** No more pieces of this stream come. */
  forgetStream(stream: number): void {
    this.#brokenStreams.delete(stream);
  }

  /** Streams that broke and are not over. */
  get brokenStreams(): number {
    return this.#brokenStreams.size;
  }

  /** Decodes and judges one publish; adds its events to the batch, or none of them, or the lines that are right. */
  #admit(publish: Publish, events: EventRecord[], newTopics: Set<string>): Entry {
    try {
      if (publish.form === "lines") return this.#admitLines(publish, events, newTopics);
      const decoded = decodePublish(publish.text, publish.form, this.#limits);
      if (publish.key !== undefined && publish.wantsResults)
        this.#keys.expectRoom(longestAnswer({ decoded, publish }));
      this.#judgeTopics(decoded, this.#patternsOf(publish.grant), newTopics);
      const start = events.length;
      for (const event of decoded.events) events.push(event);
      return { decoded, publish, start };
    } catch (error) {
      this.breakStreamOf(publish);
      if (error instanceof ProblemError) {
        return { outcome: refusal(error.problem, error instanceof FrameError ? error.frameId : undefined) };
      }
      // A fault of ours in one publish must not take the others with it.
      this.#onFault(error);
      return { outcome: refusal(problem("internal_error", "The publish could not be decoded.")) };
    }
  }

  #admitLines(publish: Publish, events: EventRecord[], newTopics: Set<string>): Entry {
    if (publish.stream !== undefined && this.#brokenStreams.has(publish.stream))
      return { outcome: refusal(BEHIND_A_GAP) };
    const decoded = decodeLines(publish.text, this.#limits);
    const forbidden = this.#firstFaultOfTopics(decoded.events, this.#patternsOf(publish.grant), newTopics);
    const taken = forbidden === undefined ? decoded.events : decoded.events.slice(0, forbidden.at);
    const count = forbidden === undefined ? decoded.lines : linesBefore(publish.text, forbidden.at);
    const fault = forbidden?.problem ?? decoded.problem;
    if (fault !== undefined) this.breakStreamOf(publish);
    const start = events.length;
    for (const event of taken) events.push(event);
    return {
      decoded: { events: taken, isSingle: false, wantsResults: false, frameId: undefined },
      publish,
      start,
      lines: { count, ...(fault && { problem: fault }) },
    };
  }

  /** The first event whose topic is not taken. The topics of those before it are. */
  #firstFaultOfTopics(
    events: readonly EventRecord[],
    allowed: TopicPatterns | undefined,
    newTopics: Set<string>,
  ): { readonly at: number; readonly problem: Problem } | undefined {
    let last: string | undefined;
    for (let at = 0; at < events.length; at++) {
      const { topic } = events[at]!;
      if (topic === last) continue;
      last = topic;
      if (!allowed?.matchesAll && !allowed?.matches(topic)) return { at, problem: forbiddenTopic(topic) };
      if (this.#store.hasTopic(topic) || newTopics.has(topic)) continue;
      if (this.#hasNoRoomFor(1, newTopics)) return { at, problem: this.#tooManyTopics() };
      newTopics.add(topic);
    }
    return undefined;
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
        throw new FrameError(forbiddenTopic(topic), frameId);
      }
      if (!this.#store.hasTopic(topic) && !newTopics.has(topic)) own.add(topic);
    }
    if (own.size === 0) return;
    if (this.#hasNoRoomFor(own.size, newTopics)) throw new FrameError(this.#tooManyTopics(), frameId);
    for (const topic of own) newTopics.add(topic);
  }

  #hasNoRoomFor(topics: number, newTopics: ReadonlySet<string>): boolean {
    return this.#store.topicCount + newTopics.size + topics > this.#limits.topicsMax;
  }

  #tooManyTopics(): Problem {
    const detail = `There may be ${this.#limits.topicsMax} topics (--max-topics); these events would begin more.`;
    return problem("too_many_topics", detail);
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
    const keyed = entries.filter(isKeyed);
    if (events.length === 0 && keyed.length === 0) {
      return {
        outcomes: entries.map((entry) => ("outcome" in entry ? entry.outcome : emptyOutcome(entry))),
        notice: undefined,
        events: 0,
        failure: undefined,
      };
    }
    try {
      const batch = { events, receivedAt: this.#now() };
      const result = this.#store.append(keyed.length === 0 ? batch : { ...batch, answers: answersOf(keyed) });
      return {
        outcomes: entries.map((entry) => ("outcome" in entry ? entry.outcome : accepted(entry, result))),
        // A commit that kept answers alone has counted nothing.
        notice: events.length === 0 ? undefined : result.increments,
        events: events.length,
        failure: undefined,
      };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      for (const entry of entries) if ("publish" in entry) this.breakStreamOf(entry.publish);
      return { ...refuseAll(entries, error), events: events.length, failure: error };
    }
  }
}

function forbiddenTopic(topic: string): Problem {
  return problem("forbidden_topic", `Publishing to \`${topic}\` is not allowed.`);
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

function isKeyed(entry: Entry): entry is TakenEntry {
  return "publish" in entry && entry.publish.key !== undefined;
}

function answersOf(keyed: readonly TakenEntry[]) {
  return (verdicts: Verdicts): KeyedAnswer[] =>
    keyed.map((entry) => ({ key: entry.publish.key!, answer: keptAnswer(accepted(entry, { verdicts })) }));
}

/** No verdicts make a longer one. */
function longestAnswer(entry: Omit<TakenEntry, "start">): Accepted {
  return accepted({ ...entry, start: 0 }, { verdicts: longestVerdicts(entry.decoded.events.length) });
}

function emptyOutcome({ decoded, publish, lines }: TakenEntry): Accepted {
  const results = publish.wantsResults || decoded.wantsResults ? "" : undefined;
  return {
    kind: "accepted",
    counters: zeroCounters(),
    frameId: decoded.frameId,
    single: undefined,
    results,
    ...(lines && { lines }),
  };
}

function accepted(
  { decoded, publish, start, lines }: TakenEntry,
  { verdicts }: Pick<AppendResult, "verdicts">,
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
    ...(lines && { lines }),
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
