/**
 * All streams of server-sent events that are open: each has a place among the connections, goes on only while the
 * credentials it was opened with are good, and is kept awake.
 */

import type { AnswerBudget } from "../limits/answer-budget.ts";
import type { Connections } from "../limits/connections.ts";
import { CROWDED_STALL_MS_MAX } from "../live/feed-reader.ts";
import { type Problem, ProblemError, problem } from "../problem.ts";
import { type Caller, faultOfStanding } from "./admission.ts";
import { errorFrame } from "./answers.ts";
import { EVENT_STREAM_TYPE, EventStream } from "./event-stream.ts";
import type { RefusalCounts } from "./refusals.ts";

export const STREAM_ROUTES = ["/stats/stream", "/events/stream"] as const;
type StreamRoute = (typeof STREAM_ROUTES)[number];

const HEADERS = {
  "content-type": EVENT_STREAM_TYPE,
  "cache-control": "no-store",
  // nginx would keep frames back until it has a few kilobytes.
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff",
};

/** What a stream tells. */
export interface StreamSource {
  /** Subscribes the stream, which may be told something at once. */
  begin(stream: EventStream): void;
  /** Where to resume, if that has moved on since the last frame. */
  position(): string | undefined;
  /** Unsubscribes. */
  ended(): void;
}

export interface StreamRequest {
  readonly request: Request;
  readonly route: StreamRoute;
  readonly caller: Caller;
  /** Whether its source bounds what all its readers have not read. */
  readonly isBounded: boolean;
  /** Holds what was asked for against what is stored. @throws ProblemError; may also reject with it. */
  readonly prepare: () => StreamSource | Promise<StreamSource>;
}

export interface OpenStreamsOptions {
  readonly connections: Connections;
  readonly budget: AnswerBudget;
  readonly refusals: RefusalCounts;
  readonly setIdleTimeout: (request: Request, seconds: number) => void;
  readonly idleSeconds: number;
  /** Milliseconds; only differences matter. */
  readonly elapsed: () => number;
  /** Whether there is anything to tell yet. */
  readonly isOpened: () => boolean;
  readonly log: (line: string) => void;
}

interface OpenStream {
  readonly route: StreamRoute;
  readonly caller: Caller;
  /** Undefined while there is nothing to tell yet. */
  source?: StreamSource;
  /** What is to be done once there is. */
  prepare?: StreamRequest["prepare"];
}

const UNPREPARED = problem("internal_error", "The stream could not be opened.");

export class OpenStreams {
  readonly #options: OpenStreamsOptions;
  readonly #open = new Map<EventStream, OpenStream>();
  #isDraining = false;
  #refusalsSeen = 0;

  constructor(options: OpenStreamsOptions) {
    this.#options = options;
  }

  /** How many there are, by route. */
  get counts(): readonly (readonly [route: StreamRoute, count: number])[] {
    const counts = new Map<StreamRoute, number>(STREAM_ROUTES.map((route) => [route, 0]));
    for (const { route } of this.#open.values()) counts.set(route, counts.get(route)! + 1);
    return [...counts];
  }

  /**
   * Answers a request with a stream. An EventSource takes an answer other than 200 as final, so while the node starts
   * or stops its stream is opened all the same: to wait, or to be ended and asked for again.
   * @throws ProblemError what `prepare` throws.
   */
  async answer({ request, route, caller, isBounded, prepare }: StreamRequest): Promise<Response> {
    const isOpened = this.#options.isOpened();
    const source = isOpened ? await prepare() : undefined;
    // Whoever asks for the head alone would never be told that it has ended.
    if (request.method === "HEAD") return new Response(null, { headers: HEADERS });
    const stream = this.#streamFor(request, isBounded);
    this.#options.connections.upgrade(request, stream);
    this.#open.set(stream, source === undefined ? { route, caller, prepare } : { route, caller, source });
    if (this.#isDraining) stream.end();
    else if (source !== undefined) begin(stream, source);
    return new Response(stream.body, { headers: HEADERS });
  }

  /**
   * Ends the streams whose credentials are over, and those that keep room from others; begins those that have waited, and
   * keeps all of them awake.
   * @param now milliseconds since 1970.
   */
  sweep(now: number): void {
    const { elapsed, isOpened, budget } = this.#options;
    const isCrowded = budget.refused > this.#refusalsSeen;
    this.#refusalsSeen = budget.refused;
    for (const [stream, open] of this.#open) {
      const fault = faultOfStanding(open.caller, now);
      if (fault !== undefined) this.refuse(stream, fault);
      else if (isCrowded && stream.holdsRoomFor(elapsed()) > CROWDED_STALL_MS_MAX) stream.cut();
      else if (open.prepare !== undefined && isOpened()) void this.#beginLate(stream, open);
      else stream.beat(elapsed(), () => open.source?.position());
    }
  }

  /** Ends all of them, for good: their clients come back, to whoever listens then. */
  drain(): void {
    this.#isDraining = true;
    for (const stream of this.#open.keys()) stream.end();
  }

  #streamFor(request: Request, isBounded: boolean): EventStream {
    const { budget, idleSeconds, setIdleTimeout, elapsed } = this.#options;
    const stream = new EventStream({
      budget: isBounded ? undefined : budget,
      idleSeconds,
      setIdleTimeout: (seconds) => setIdleTimeout(request, seconds),
      now: elapsed,
      over: () => this.#over(stream),
    });
    return stream;
  }

  #over(stream: EventStream): void {
    const open = this.#open.get(stream);
    this.#open.delete(stream);
    this.#options.connections.leave(stream);
    open?.source?.ended();
  }

  async #beginLate(stream: EventStream, open: OpenStream): Promise<void> {
    const prepare = open.prepare!;
    delete open.prepare;
    try {
      const source = await prepare();
      if (stream.isOver) return;
      open.source = source;
      begin(stream, source);
    } catch (error) {
      if (!(error instanceof ProblemError)) this.#options.log(`a stream could not be opened: ${error}`);
      this.refuse(stream, error instanceof ProblemError ? error.problem : UNPREPARED);
    }
  }

  /** Ends a stream with what is wrong. It is told in a frame, since the answer has begun. */
  refuse(stream: EventStream, refused: Problem): void {
    this.#options.refusals.count(refused);
    stream.frame(errorFrame(undefined, refused, undefined));
    stream.end();
  }
}

function begin(stream: EventStream, source: StreamSource): void {
  try {
    source.begin(stream);
  } catch (error) {
    stream.end();
    throw error;
  }
}
