/** Pages from the store for readers that are far behind: a few at one time, each reader in its turn. */

import type { EventReader, FeedPage } from "../storage/event-reader.ts";
import { FRAME_EVENTS_MAX, FRAME_TEXT_MAX } from "./feed-frames.ts";
import type { FeedReader } from "./feed-reader.ts";

/** Pages that are being read at one time: the reader thread works for others, too. */
export const PAGES_READ_MAX = 2;

/** After so long a page ends where it is. */
export const PAGE_BUDGET_MS = 10;

export interface FeedPageReadsOptions {
  readonly reader: Pick<EventReader, "feedPage">;
  /** A page is about to be read; whether it still is to be. */
  readonly isDue: (reader: FeedReader) => boolean;
  readonly took: (reader: FeedReader, page: FeedPage) => void;
  readonly failed: (reader: FeedReader, error: unknown) => void;
}

export class FeedPageReads {
  readonly #options: FeedPageReadsOptions;
  #queue: FeedReader[] = [];
  #running = 0;

  constructor(options: FeedPageReadsOptions) {
    this.#options = options;
  }

  /** Reads a page for it once its turn has come; `isWaiting` until then. */
  ask(reader: FeedReader): void {
    reader.isWaiting = true;
    this.#queue.push(reader);
    this.#pump();
  }

  #pump(): void {
    while (this.#running < PAGES_READ_MAX) {
      const reader = this.#queue.shift();
      if (reader === undefined) return;
      if (this.#options.isDue(reader)) void this.#read(reader);
      else reader.isWaiting = false;
    }
  }

  async #read(reader: FeedReader): Promise<void> {
    const { took, failed } = this.#options;
    const { patterns } = reader.group;
    this.#running++;
    const read = this.#options.reader.feedPage({
      ...(patterns.matchesAll ? undefined : { topics: patterns.list }),
      after: reader.position,
      limit: FRAME_EVENTS_MAX,
      textMax: FRAME_TEXT_MAX,
      budgetMs: PAGE_BUDGET_MS,
      withParts: false,
    });
    let answer: () => void;
    try {
      const page = await read;
      answer = () => took(reader, page);
    } catch (error) {
      answer = () => failed(reader, error);
    }
    this.#running--;
    reader.isWaiting = false;
    try {
      answer();
    } finally {
      this.#pump();
    }
  }
}
