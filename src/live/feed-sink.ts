/** Where the frames of a feed of events go: a WebSocket, a stream of server-sent events, or a test. */

export interface FeedSink {
  /**
   * @param text a frame, JSON.
   * @param position the `seq` that the reader has everything up to once it has this frame: where it may resume.
   */
  send(text: string, position: number): void;
  /**
   * Nothing is told, but the reader may resume from here: what lies between does not concern it. May be kept for the
   * next heartbeat, or ignored.
   */
  advance(position: number): void;
  /** Bytes that were sent and not yet taken by the network. */
  readonly bufferedBytes: number;
  /** 4408: too slow. */
  closeAsTooSlow(): void;
  /**
   * What comes next cannot be read, now or ever: it is told why, and closed with a code that says to come back later.
   * @param fault in words for everybody, without a path.
   */
  closeAsUnreadable(fault: string): void;
}

export interface FeedSubscription {
  /** None means every topic. */
  readonly patterns: readonly string[];
  /** Events with a greater `seq` are told. */
  readonly after: number | "latest";
}

/** The events of this node as a feed; each reader has a position of its own. */
export interface Feed {
  /** The `seq` of the newest event that is stored; 0 where there is none. Undefined before the store was opened. */
  readonly newest: number | undefined;
  /**
   * Subscribes a sink, or changes what it is subscribed to. `after` is not beyond `newest`; `latest` is told to the sink
   * as a position to advance to. Nothing is sent before this returns.
   */
  subscribe(sink: FeedSink, subscription: FeedSubscription): void;
  unsubscribe(sink: FeedSink): void;
}

/** What there is to be told of the feed as a whole. */
export interface FeedFigures {
  readonly readers: number;
  /** Those among them that are told from the store. */
  readonly catchingUp: number;
  /** Since the start; once for each reader. */
  readonly eventsTold: number;
  readonly unreadBytes: number;
}
