/** One subscriber of /ws/stats: what it asks for, held against what it may see, and told to the hub. */

import type { Grant } from "../access/grant.ts";
import { FaultList, pointerTo, unknownField } from "../events/decode-event.ts";
import type { StatsSink } from "../live/stats-group.ts";
import { STATS_INTERVAL_DEFAULT_MS, type StatsSubscription } from "../live/stats-hub.ts";
import { type Problem, ProblemError, problem, refuse } from "../problem.ts";
import type { Caller } from "./admission.ts";
import { errorFrame } from "./answers.ts";
import { STATS_SOCKET_PARAMETERS } from "./models/parameters.ts";
import { subscribeFrame } from "./models/stats-frames.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";
import type { RawSocket, SocketHandler } from "./sockets.ts";
import { faultsOfPatterns, parseFrame, UNREAD_ANSWER_TEXT_MAX } from "./subscriber-frames.ts";
import { intervalOf, patternsOf } from "./subscription-parameters.ts";
import { visiblePatterns } from "./visible-topics.ts";

/**
 * What is worth a control frame more: reading so much of a long one; and in a subscription so many patterns, which are
 * put in order, and so many topics, which are held against them and may stand in its snapshot.
 */
const LENGTH_PER_FRAME = 4_096;
const PATTERNS_PER_FRAME = 10;
const TOPICS_PER_FRAME = 200;

export class StatsSocket implements SocketHandler {
  readonly #sink: StatsSink;
  /** As it was asked for; what is told of it depends on the grant. */
  #asked: StatsSubscription;
  #unread = 0;
  /** What the frame that is worked on came to; one that is refused in the end has cost as much. */
  #cost = 0;

  /** @throws ProblemError where the query cannot be used, or asks for what may not be seen. */
  constructor(
    private readonly services: Pick<Services, "hub" | "refusals" | "limits">,
    private readonly socket: RawSocket,
    private grant: Grant,
    url: string,
  ) {
    this.#sink = {
      send: (text) => void socket.send(text),
      get bufferedBytes() {
        return socket.getBufferedAmount();
      },
      closeAsTooSlow: () => socket.close(4408, "too slow: reconnect and resume"),
    };
    this.#asked = subscriptionOfQuery(url, services.limits.patternsMax);
    this.#subscribe(this.#asked, grant);
  }

  text(text: string): number {
    this.#cost = text.length / LENGTH_PER_FRAME;
    try {
      this.#receive(parseFrame(text));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.refuse(error.problem);
    }
    return Math.floor(this.#cost);
  }

  binary(): void {
    this.refuse(problem("unsupported_media_type", "Frames are JSON text; this one is binary."));
  }

  refuse(refused: Problem): void {
    this.services.refusals.count(refused);
    this.#answer(errorFrame(undefined, refused, undefined));
  }

  /** Begins anew with a snapshot where other topics may be seen now. */
  renewed({ grant }: Caller): number {
    this.#cost = 0;
    const isSame = grant.topics.join() === this.grant.topics.join();
    if (!isSame)
      this.#subscribe({ patterns: this.#asked.patterns, intervalMs: this.#asked.intervalMs }, grant);
    this.grant = grant;
    return Math.floor(this.#cost);
  }

  closed(): void {
    this.services.hub.unsubscribe(this.#sink);
  }

  #receive(frame: Record<string, unknown>): void {
    if (frame.type === "ping") this.#answer('{"type":"pong"}');
    else if (frame.type === "subscribe")
      this.#subscribe(subscriptionOfFrame(frame, this.services.limits.patternsMax), this.grant);
    else refuse("invalid_frame", "The frame's type is not known; there are `subscribe`, `ping` and `auth`.");
  }

  #subscribe(asked: StatsSubscription, grant: Grant): void {
    const { hub } = this.services;
    this.#cost += asked.patterns.length / PATTERNS_PER_FRAME + hub.board.topicCount / TOPICS_PER_FRAME;
    hub.subscribe(this.#sink, { ...asked, patterns: visiblePatterns(grant, asked.patterns) });
    this.#asked = asked;
  }

  #answer(text: string): void {
    this.#unread = text.length + (this.#sink.bufferedBytes === 0 ? 0 : this.#unread);
    if (this.#unread > UNREAD_ANSWER_TEXT_MAX) this.#sink.closeAsTooSlow();
    else this.socket.send(text);
  }
}

function subscriptionOfQuery(url: string, patternsMax: number): StatsSubscription {
  const query = new QueryReader(url, Object.keys(STATS_SOCKET_PARAMETERS));
  const patterns = patternsOf(query, patternsMax);
  const intervalMs = intervalOf(query);
  const epoch = query.text("epoch");
  const revision = query.integer("revision", { min: 0, max: Number.MAX_SAFE_INTEGER });
  query.done();
  return subscription(patterns, intervalMs, epoch, revision);
}

const SUBSCRIBE_FIELDS = Object.keys(subscribeFrame(0).properties);

function subscriptionOfFrame(frame: Record<string, unknown>, patternsMax: number): StatsSubscription {
  const { topics, interval, epoch, revision } = frame;
  const faults = new FaultList();
  for (const field in frame) {
    const isKnown = SUBSCRIBE_FIELDS.includes(field);
    if (!isKnown) faults.add(pointerTo("", field), unknownField(field, SUBSCRIBE_FIELDS));
  }
  const isTextList =
    topics === undefined || (Array.isArray(topics) && topics.every((topic) => typeof topic === "string"));
  if (!isTextList) faults.add("/topics", "must be an array of patterns");
  else
    for (const fault of faultsOfPatterns((topics as string[] | undefined) ?? [], patternsMax))
      faults.add("/topics", fault);
  if (interval !== undefined && !(typeof interval === "number" && interval >= 0))
    faults.add("/interval", "must be a number of milliseconds");
  if (epoch !== undefined && typeof epoch !== "string") faults.add("/epoch", "must be a string");
  if (revision !== undefined && !Number.isSafeInteger(revision))
    faults.add("/revision", "must be a whole number");
  if (faults.count > 0)
    refuse("invalid_frame", "The subscription is invalid; the one before it stays.", faults);
  return subscription(
    (topics as string[] | undefined) ?? [],
    (interval as number | undefined) ?? STATS_INTERVAL_DEFAULT_MS,
    epoch as string | undefined,
    revision as number | undefined,
  );
}

function subscription(
  patterns: string[],
  intervalMs: number,
  epoch: string | undefined,
  revision: number | undefined,
): StatsSubscription {
  const base = { patterns, intervalMs };
  return epoch === undefined || revision === undefined ? base : { ...base, resume: { epoch, revision } };
}
