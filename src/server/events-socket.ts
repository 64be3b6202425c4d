/** One reader of /ws/events: what it asks for, held against what it may see, and told to the feed. */

import type { Grant } from "../access/grant.ts";
import type { FeedSink, FeedSubscription } from "../live/feed-sink.ts";
import { type Problem, ProblemError, problem, refuse } from "../problem.ts";
import type { Caller } from "./admission.ts";
import { errorFrame } from "./answers.ts";
import { type EventPosition, eventPositionOf, expectNotBeyond, LATEST } from "./event-positions.ts";
import { EVENTS_SOCKET_PARAMETERS } from "./models/parameters.ts";
import { NOT_OPENED } from "./models/problem.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";
import { CLOSE_NOT_THIS_PROTOCOL, type RawSocket, type SocketHandler } from "./sockets.ts";
import { faultsOfPatterns, parseFrame, UNREAD_ANSWER_TEXT_MAX } from "./subscriber-frames.ts";
import { visiblePatterns } from "./visible-topics.ts";

/** So many patterns are worth a control frame more: they are put in order, and held against topics. */
const PATTERNS_PER_FRAME = 10;

/** It may connect again and go on where it was. */
const CLOSE_RECONNECT = 1012;

const UNJUDGED = problem("internal_error", "The position could not be judged.");

export class EventsSocket implements SocketHandler {
  readonly #sink: FeedSink;
  readonly #patterns: readonly string[];
  /** It has been told everything up to here that it may see. */
  #position = 0;
  #isSubscribed = false;
  #isClosed = false;
  #unreadAnswers = 0;

  /** @throws ProblemError where the query cannot be used, or asks for what may not be seen. */
  constructor(
    private readonly services: Pick<Services, "feed" | "ledger" | "cursors" | "refusals" | "limits" | "log">,
    private readonly socket: RawSocket,
    private grant: Grant,
    url: string,
  ) {
    const { patterns, after } = subscriptionOf(url, services);
    this.#patterns = patterns;
    // Refused before anything else is asked.
    visiblePatterns(grant, patterns);
    this.#sink = {
      send: (text, position) => {
        this.#position = position;
        socket.send(text);
      },
      advance: (position) => void (this.#position = position),
      get bufferedBytes() {
        return socket.getBufferedAmount();
      },
      closeAsTooSlow: () => socket.close(4408, "too slow: reconnect and resume"),
      closeAsUnreadable: (fault) => this.#closeAsUnreadable(fault),
    };
    if (after === LATEST || after.seq <= (services.feed.newest ?? 0)) this.#subscribe(seqOf(after));
    else void this.#subscribeLater(after);
  }

  text(text: string): number {
    try {
      const { type } = parseFrame(text);
      if (type === "ping") this.#answer('{"type":"pong"}');
      else refuse("invalid_frame", "The frame's type is not known; there are `ping` and `auth`.");
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.refuse(error.problem);
    }
    return 0;
  }

  binary(): void {
    this.refuse(problem("unsupported_media_type", "Frames are JSON text; this one is binary."));
  }

  refuse(refused: Problem): void {
    this.services.refusals.count(refused);
    this.#answer(errorFrame(undefined, refused, undefined));
  }

  /** Goes on from where it is with the topics that may be seen now, where they are others. */
  renewed({ grant }: Caller): number {
    const isSame = grant.topics.join() === this.grant.topics.join();
    visiblePatterns(grant, this.#patterns);
    this.grant = grant;
    if (!isSame && this.#isSubscribed) this.#subscribe(this.#position);
    return isSame ? 0 : Math.floor(this.#patterns.length / PATTERNS_PER_FRAME);
  }

  closed(): void {
    this.#isClosed = true;
    this.services.feed.unsubscribe(this.#sink);
  }

  #subscribe(after: FeedSubscription["after"]): void {
    this.#isSubscribed = true;
    const patterns = visiblePatterns(this.grant, this.#patterns);
    this.services.feed.subscribe(this.#sink, { patterns, after });
  }

  /** A commit may have been read before the edge is told of it: whether there is such an event, the ledger knows. */
  async #subscribeLater(after: EventPosition): Promise<void> {
    try {
      await expectNotBeyond(this.services, "after", after);
      if (!this.#isClosed) this.#subscribe(after.seq);
    } catch (error) {
      if (!(error instanceof ProblemError)) this.services.log(`a position could not be judged: ${error}`);
      if (this.#isClosed) return;
      const refused = error instanceof ProblemError ? error.problem : UNJUDGED;
      this.refuse(refused);
      const code = refused.status < 500 ? CLOSE_NOT_THIS_PROTOCOL : CLOSE_RECONNECT;
      this.socket.close(code, refused.detail);
    }
  }

  #closeAsUnreadable(fault: string): void {
    const refused = problem("storage_failing", `What is stored cannot be read: ${fault}.`);
    this.services.refusals.count(refused);
    this.socket.send(errorFrame(undefined, refused, undefined));
    this.socket.close(CLOSE_RECONNECT, "what is stored cannot be read: reconnect later");
  }

  #answer(text: string): void {
    this.#unreadAnswers = text.length + (this.#sink.bufferedBytes === 0 ? 0 : this.#unreadAnswers);
    if (this.#unreadAnswers > UNREAD_ANSWER_TEXT_MAX) this.#sink.closeAsTooSlow();
    else this.socket.send(text);
  }
}

function subscriptionOf(
  url: string,
  { feed, cursors, limits }: Pick<Services, "feed" | "cursors" | "limits">,
) {
  const query = new QueryReader(url, Object.keys(EVENTS_SOCKET_PARAMETERS));
  const patterns = query.list("topics");
  for (const fault of faultsOfPatterns(patterns, limits.patternsMax)) query.fault("topics", fault);
  const after = eventPositionOf(query.text("after") ?? LATEST, cursors, { takesLatest: true });
  if (after !== LATEST && "fault" in after) query.fault("after", after.fault);
  query.done();
  if (feed.newest === undefined) refuse("starting", NOT_OPENED);
  return { patterns, after: after as EventPosition | typeof LATEST };
}

function seqOf(after: EventPosition | typeof LATEST): FeedSubscription["after"] {
  return after === LATEST ? LATEST : after.seq;
}
