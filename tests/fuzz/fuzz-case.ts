/** One case of a fuzz run: everything that is sent, made before anything is, and what the answers must be. */

/** A request with right framing, on a connection that is kept: one answer, a problem document if it is a refusal. */
export interface RequestCase {
  readonly kind: "request";
  readonly method: string;
  readonly bytes: Buffer;
  /** Whether its answer is one of the publishing route, whose refusals are counted. */
  readonly isPublish: boolean;
  /** Events that must be acknowledged, all of them; undefined where that is open. */
  readonly events: number | undefined;
  /** What must be in, for a body of lines. */
  readonly lines?: LinesOwed;
  /** What the status must be one of; 503 may always be. */
  readonly statuses?: readonly number[];
}

/** Lines of a body up to the first that is wrong, blank ones included. */
export interface LinesOwed {
  readonly committed: number;
  readonly events: number;
  /** Whether there is no wrong one. */
  readonly isWhole: boolean;
}

/** A request with a key, again and again: it is done once, and what it was answered is answered again. */
export interface KeyedCase {
  readonly kind: "keyed";
  /** Comes first, under the same key, and is refused for its body; that leaves the key free. */
  readonly refused: Buffer | undefined;
  readonly request: Buffer;
  readonly events: number;
  /** Sent at one time. */
  readonly copies: number;
  /** With the same key and another body. */
  readonly other: Buffer;
}

/** A stream of server-sent events that is read for a while, cut, and resumed where it was. */
export interface StreamCase {
  readonly kind: "stream";
  readonly channel: "events" | "stats";
  /** The request without its last line; `last-event-id` is added when it is sent again. */
  readonly head: string;
  readonly reconnects: number;
  /** Whether to read a while, or to cut at the first byte. */
  readonly reads: boolean;
  /** The topics that it may be told of; undefined for all. */
  readonly patterns: readonly string[] | undefined;
  /** The `seq` after which it must be told everything, where that is known. */
  readonly after: number | undefined;
}

/** Bytes on a connection of their own that may be no HTTP: anything but a fault may be the answer, or none. */
export interface BrokenCase {
  readonly kind: "broken";
  readonly chunks: readonly Buffer[];
  /** Whether the client is gone afterwards without a word. */
  readonly isDropped?: boolean;
}

export interface SessionFrame {
  readonly bytes: Buffer;
  /** Answers that it must get: of the protocol, and pongs. */
  readonly answers: number;
  readonly pongs: number;
  /** Events that must be acknowledged. */
  readonly events: number | undefined;
}

/** A WebSocket: the handshake, frames that leave it open, and what ends it. */
export interface SessionCase {
  readonly kind: "session";
  readonly channel: "publish" | "stats" | "events";
  readonly handshake: Buffer;
  /** What the server must select among those that are offered; undefined for none. */
  readonly subprotocol: string | undefined;
  /** Whether the server is to close the socket by itself, for what the handshake asked for. */
  readonly isRefused: boolean;
  readonly frames: readonly SessionFrame[];
  /** Sent once every frame has its answers; the server must close the connection for it. Empty: the client drops it. */
  readonly ending: Buffer;
}

export type FuzzCase = RequestCase | BrokenCase | SessionCase | KeyedCase | StreamCase;

/** How many inputs a case is: a frame is as much an input as a request. */
export function inputsOf(fuzzCase: FuzzCase): number {
  if (fuzzCase.kind === "session") return fuzzCase.frames.length + 2;
  if (fuzzCase.kind === "keyed") return fuzzCase.copies + 2;
  return fuzzCase.kind === "stream" ? fuzzCase.reconnects + 1 : 1;
}

/** Events that may be stored although their answer gets lost are of this topic, and of no other. */
export const UNANSWERED_TOPIC = "fuzz.unanswered";

/** Requests inside of requests publish to this topic. Nothing may ever be stored under it. */
export const SMUGGLED_TOPIC = "fuzz.smuggled";
