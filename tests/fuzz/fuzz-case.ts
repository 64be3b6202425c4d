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
}

/** Bytes on a connection of their own that may be no HTTP: anything but a fault may be the answer, or none. */
export interface BrokenCase {
  readonly kind: "broken";
  readonly chunks: readonly Buffer[];
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
  readonly channel: "publish" | "stats";
  readonly handshake: Buffer;
  /** Whether the server is to close the socket by itself, for what the handshake asked for. */
  readonly isRefused: boolean;
  readonly frames: readonly SessionFrame[];
  /** Sent once every frame has its answers; the server must close the connection for it. Empty: the client drops it. */
  readonly ending: Buffer;
}

export type FuzzCase = RequestCase | BrokenCase | SessionCase;

/** How many inputs a case is: a frame is as much an input as a request. */
export function inputsOf(fuzzCase: FuzzCase): number {
  return fuzzCase.kind === "session" ? fuzzCase.frames.length + 2 : 1;
}

/** Events that may be stored although their answer gets lost are of this topic, and of no other. */
export const UNANSWERED_TOPIC = "fuzz.unanswered";

/** Requests inside of requests publish to this topic. Nothing may ever be stored under it. */
export const SMUGGLED_TOPIC = "fuzz.smuggled";
