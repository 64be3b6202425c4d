/** What the edge thread and the reader thread say to each other. */

import type {
  ConflictPage,
  ConflictQuery,
  EventForm,
  EventKey,
  EventPage,
  EventQuery,
  EventReader,
  FeedPage,
  FeedQuery,
} from "./event-reader.ts";

import { StorageFault } from "./storage-fault.ts";

export type ToReader =
  | { readonly kind: "page"; readonly ticket: number; readonly query: EventQuery }
  | { readonly kind: "feed"; readonly ticket: number; readonly query: FeedQuery }
  | { readonly kind: "conflicts"; readonly ticket: number; readonly query: ConflictQuery }
  | {
      readonly kind: "find";
      readonly ticket: number;
      readonly key: EventKey;
      readonly candidates: readonly number[];
      readonly form: EventForm | undefined;
    };

export type FromReader =
  | { readonly kind: "page"; readonly ticket: number; readonly page: EventPage }
  | { readonly kind: "feed"; readonly ticket: number; readonly page: FeedPage }
  | { readonly kind: "conflicts"; readonly ticket: number; readonly page: ConflictPage }
  | { readonly kind: "found"; readonly ticket: number; readonly event: string | undefined }
  /** `fault`: what is wrong with the storage, where that is the reason. */
  | {
      readonly kind: "failed";
      readonly ticket: number;
      readonly reason: string;
      readonly fault: string | undefined;
    };

type Answer = { resolve: (message: FromReader) => void; reject: (error: Error) => void };

/**
 * What the reader thread is asked at one time: it works on one after the other, faster than pages are sent, and they
 * must not pile up between the threads.
 */
export const READS_ASKED_MAX = 4;

/** Reads through a reader thread. */
export class ReaderClient implements EventReader {
  readonly #post: (message: ToReader) => void;
  readonly #waiting = new Map<number, Answer>();
  /** Not yet asked, in the order in which they came. */
  readonly #later: ToReader[] = [];
  /** The same of the feed, which goes first: it has no more than three at one time. */
  readonly #laterOfFeed: ToReader[] = [];
  #nextTicket = 1;
  #asked = 0;

  constructor(post: (message: ToReader) => void) {
    this.#post = post;
  }

  async page(query: EventQuery): Promise<EventPage> {
    const answer = await this.#ask((ticket) => ({ kind: "page", ticket, query }));
    return (answer as FromReader & { kind: "page" }).page;
  }

  async feedPage(query: FeedQuery): Promise<FeedPage> {
    const answer = await this.#ask((ticket) => ({ kind: "feed", ticket, query }));
    return (answer as FromReader & { kind: "feed" }).page;
  }

  async conflicts(query: ConflictQuery): Promise<ConflictPage> {
    const answer = await this.#ask((ticket) => ({ kind: "conflicts", ticket, query }));
    return (answer as FromReader & { kind: "conflicts" }).page;
  }

  async find(key: EventKey, candidates: readonly number[], form?: EventForm): Promise<string | undefined> {
    const answer = await this.#ask((ticket) => ({ kind: "find", ticket, key, candidates, form }));
    return (answer as FromReader & { kind: "found" }).event;
  }

  receive(message: FromReader): void {
    this.#asked--;
    // All readers of the feed wait for its tail; behind some hundreds of pages it would come seconds late.
    const next = this.#laterOfFeed.shift() ?? this.#later.shift();
    if (next !== undefined) this.#send(next);
    const answer = this.#waiting.get(message.ticket);
    this.#waiting.delete(message.ticket);
    if (message.kind !== "failed") answer?.resolve(message);
    else if (message.fault === undefined) answer?.reject(new Error(message.reason));
    else answer?.reject(new StorageFault(message.fault, { forLog: message.reason }));
  }

  #ask(make: (ticket: number) => ToReader): Promise<FromReader> {
    const ticket = this.#nextTicket++;
    const { promise, resolve, reject } = Promise.withResolvers<FromReader>();
    this.#waiting.set(ticket, { resolve, reject });
    const message = make(ticket);
    if (this.#asked < READS_ASKED_MAX) this.#send(message);
    else (message.kind === "feed" ? this.#laterOfFeed : this.#later).push(message);
    return promise;
  }

  #send(message: ToReader): void {
    this.#asked++;
    this.#post(message);
  }
}
