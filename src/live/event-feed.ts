/**
 * The stored events as a feed, to any number of readers, each with a position of its own.
 *
 * Everything comes from the store, which shows what is committed and synced and nothing else. Commits say only that
 * there is something new, and of which topics. What is new is read once for all (the tail) and kept in a ring; most
 * readers stand where the feed stands (`live`) and get the same text as all others of their group. Whoever does not is
 * told from the ring (`near`), or from the store (`far`), until it stands there as well.
 */

import { TopicPatterns } from "../events/topic-pattern.ts";
import type { EventReader, FeedPage } from "../storage/event-reader.ts";
import { INCREMENT_COLUMNS, type Increments, type StoreContents } from "../storage/event-store.ts";
import { DAMAGED, StorageFault } from "../storage/storage-fault.ts";
import type { CounterBoard } from "./counter-board.ts";
import { FeedChunk } from "./feed-chunk.ts";
import { eventsFrame, FRAME_EVENTS_MAX, gapFrame } from "./feed-frames.ts";
import { FeedGroups } from "./feed-group.ts";
import { FeedPageReads } from "./feed-page-reads.ts";
import { FeedReader } from "./feed-reader.ts";
import { FeedRing, RING_EVENTS_MAX } from "./feed-ring.ts";
import { FeedRounds } from "./feed-rounds.ts";
import { FeedSending } from "./feed-sending.ts";
import type { Feed, FeedFigures, FeedSink, FeedSubscription } from "./feed-sink.ts";
import { FeedTail } from "./feed-tail.ts";
import { type FeedClock, workInTurns } from "./turn-work.ts";

/** How often live readers are told where they stand though nothing of theirs has come. */
const ADVANCE_INTERVAL_MS = 1_000;

/** When what could not be read is tried again. */
const RETRY_MS = 1_000;

/**
 * While no more than so many are not live, the next page of each is read while its last is on its way. With more of them
 * the reader has enough to do, and what is read ahead would take memory for each.
 */
const READ_AHEAD_READERS_MAX = 8;

/** Whoever has no more than this before it may reach the live readers with its next page. */
const EXPECTED_EVENTS_MAX = 4 * FRAME_EVENTS_MAX;

export interface EventFeedOptions {
  readonly clock: FeedClock;
  /** What is new is read by it. */
  readonly reader: Pick<EventReader, "feedPage">;
  /** Those who are behind are read for by this one, so that the others never wait for them. */
  readonly farReader: Pick<EventReader, "feedPage">;
  /** Has counted what a commit brought before the feed is told of it. */
  readonly board: Pick<CounterBoard, "topic">;
  /** Bytes that may be sent and not read, over all readers; beyond it all wait. */
  readonly unreadBytesMax: number;
  /** Lowered by tests, so that readers fall out of the ring. */
  readonly ringEventsMax?: number;
}

export class EventFeed implements Feed {
  readonly #options: EventFeedOptions;
  readonly #groups = new FeedGroups();
  readonly #readers = new Map<FeedSink, FeedReader>();
  /** Those that are not live. */
  readonly #apart = new Set<FeedReader>();
  readonly #rounds: FeedRounds;
  readonly #ring: FeedRing;
  readonly #tail: FeedTail;
  readonly #pages: FeedPageReads;
  readonly #sending: FeedSending;
  /** The newest event that a commit told of. */
  #counted: number | undefined;
  /** The newest that was read: it may be of a commit that has not been told of yet. */
  #seen = 0;
  /** Where live readers stand; behind the ring's end only while they are being told. */
  #told = 0;
  #isTelling = false;
  /** How often the store has been opened. */
  #opening = 0;
  /** Commits up to here that concerned no group that is followed were not read, or not for their sake. */
  #passedOver = 0;
  #isAdvancing = false;

  constructor(options: EventFeedOptions) {
    this.#options = options;
    const { reader, farReader, clock } = options;
    this.#ring = new FeedRing(options.ringEventsMax ?? RING_EVENTS_MAX);
    this.#sending = new FeedSending(clock.now, options.unreadBytesMax);
    this.#rounds = new FeedRounds(clock, this.#apart, (apart) => this.#serve(apart, clock.now()));
    this.#tail = new FeedTail({
      ...{ reader, clock },
      position: () => this.#ring.to,
      took: (page) => this.#tellLive(page),
      failed: (error) => this.#tailFailed(error),
      rests: () => this.#restTail(),
    });
    this.#pages = new FeedPageReads({
      reader: farReader,
      isDue: (asking) => this.#isDue(asking),
      took: (asking, page) => this.#tookPage(asking, page),
      failed: (asking, error) => this.#pageFailed(asking, error),
    });
  }

  get newest(): number | undefined {
    return this.#counted === undefined ? undefined : Math.max(this.#counted, this.#seen);
  }

  get figures(): FeedFigures {
    let catchingUp = 0;
    for (const { place } of this.#apart) if (place === "far") catchingUp++;
    return {
      readers: this.#readers.size,
      catchingUp,
      eventsTold: this.#sending.eventsTold,
      unreadBytes: this.#sending.unreadBytes,
    };
  }

  /** The store was opened, or opened again: then nothing is known any more but what readers were told. */
  opened({ newest }: StoreContents): void {
    this.#opening++;
    this.#tail.restart();
    // Numbers beyond it, should anybody have been told any, are given again.
    for (const reader of this.#readers.values()) {
      const position = this.#positionOf(reader);
      this.#setApart(reader, Math.min(position, newest));
      if (position > newest) reader.sink.advance(newest);
    }
    this.#counted = newest;
    this.#seen = 0;
    this.#passedOver = newest;
    this.#ring.reset(newest);
    this.#told = newest;
    this.#isTelling = false;
  }

  committed({ rows }: Increments): void {
    if (this.#counted === undefined) return;
    let added = 0;
    for (let at = 0; at < rows.length; at += INCREMENT_COLUMNS) added += rows[at + 2]!;
    if (added === 0) return;
    this.#counted += added;
    if (this.#counted <= this.#ring.to) return;
    // To read what concerns nobody is less work than to find that out, where topics and groups are many.
    const topics = rows.length / INCREMENT_COLUMNS;
    if (this.#groups.isMuchWorkFor(topics) || this.#concernsFollowed(rows)) this.#tail.want(this.#counted);
    else {
      this.#passOver(rows);
      this.#tail.go();
    }
  }

  subscribe(sink: FeedSink, { patterns, after }: FeedSubscription): void {
    const known = this.#readers.get(sink);
    if (known !== undefined) this.#remove(known);
    const group = this.#groups.of(new TopicPatterns(patterns), this.#passedOver);
    const position = after === "latest" ? (this.newest ?? 0) : after;
    const reader = new FeedReader(sink, group, position);
    reader.gapsTold = known?.gapsTold ?? 0;
    this.#readers.set(sink, reader);
    group.add(reader);
    this.#apart.add(reader);
    this.#rounds.begin();
    this.#place(reader);
    sink.advance(position);
    const { clock } = this.#options;
    clock.soon(() => {
      if (this.#isHere(reader) && reader.place !== "live") this.#serve(reader, clock.now());
    });
    this.#advanceAll();
  }

  unsubscribe(sink: FeedSink): void {
    const reader = this.#readers.get(sink);
    if (reader !== undefined) this.#remove(reader);
  }

  #remove(reader: FeedReader): void {
    const { group } = reader;
    this.#readers.delete(reader.sink);
    this.#apart.delete(reader);
    this.#sending.gone(reader);
    group.remove(reader);
    if (group.size === 0) this.#groups.drop(group);
  }

  #isHere(reader: FeedReader): boolean {
    return this.#readers.get(reader.sink) === reader;
  }

  /** One that is live has everything up to where the feed stands; while that is told, some have more. */
  #positionOf(reader: FeedReader): number {
    return reader.place === "live" ? Math.max(reader.position, this.#told) : reader.position;
  }

  #concernsFollowed(rows: Float64Array): boolean {
    for (const group of this.#groups.ofEveryTopic) if (group.isFollowed) return true;
    for (let at = 0; at < rows.length; at += INCREMENT_COLUMNS) {
      if (rows[at + 2] === 0) continue;
      const { name } = this.#options.board.topic(rows[at]!);
      if (this.#groups.ofTopic(name).some((group) => group.isFollowed)) return true;
    }
    return false;
  }

  /** A commit that nobody live or near waits for is not read: whoever is far will find it in the store. */
  #passOver(rows: Float64Array): void {
    const through = this.#counted!;
    this.#passedOver = through;
    for (const group of this.#groups.ofEveryTopic) group.completeFrom = through;
    for (let at = 0; at < rows.length; at += INCREMENT_COLUMNS) {
      const { name } = this.#options.board.topic(rows[at]!);
      for (const group of this.#groups.ofTopic(name)) group.completeFrom = through;
    }
  }

  /** Nothing is left that anybody waits for. */
  #restTail(): void {
    if (this.#isTelling || this.#counted === undefined) return;
    this.#ring.skipTo(this.#counted);
    this.#told = this.#ring.to;
    for (const { isFollowed } of this.#groups.all) if (isFollowed) return;
    this.#ring.reset(this.#ring.to);
  }

  #tellLive(page: FeedPage): void {
    this.#seen = Math.max(this.#seen, page.through);
    const chunk = new FeedChunk(page, this.#ring.to);
    const gapTopics = page.gap === undefined ? [] : page.parts!.gapTopics.split(",");
    for (const group of this.#groups.concernedBy(gapTopics))
      for (const reader of group.live) this.#setApart(reader, this.#told);
    this.#ring.append(chunk);
    if (page.gap !== undefined) this.#ring.forgetThrough(page.gap.to);
    this.#isTelling = true;
    const opening = this.#opening;
    workInTurns(this.#options.clock, this.#telling(chunk), () => {
      if (opening !== this.#opening) return;
      this.#isTelling = false;
      this.#told = this.#ring.to;
      this.#tail.resume();
    });
  }

  *#telling(chunk: FeedChunk): Generator<boolean> {
    const opening = this.#opening;
    const found = yield* this.#groups.placesOf(chunk.topics);
    for (const group of found?.keys() ?? this.#groups.all) {
      if (group.live.size === 0) continue;
      const places = found?.get(group);
      const { text, count } =
        places === undefined ? chunk.excerpt(group.patterns, chunk.from) : chunk.excerptOf(places);
      yield false;
      if (count === 0) continue;
      const frame = eventsFrame(text);
      for (const reader of group.live) {
        if (opening !== this.#opening) return;
        if (this.#sending.canTake(reader)) {
          this.#sending.send(reader, { text: frame, count, to: chunk.to });
          if (reader.unread > 0) this.#setApart(reader, chunk.to);
        } else this.#setApart(reader, this.#told);
        yield true;
      }
    }
  }

  /** What is damaged is met by those alone whom it concerns: each goes on with pages of its own. */
  #tailFailed(error: unknown): void {
    if (faultOf(error).isLasting) {
      for (const group of this.#groups.all)
        for (const reader of group.live) this.#setApart(reader, this.#told);
      this.#ring.reset(this.#counted!);
      this.#told = this.#counted!;
      this.#tail.resume();
    } else {
      const opening = this.#opening;
      this.#options.clock.later(() => {
        if (opening === this.#opening) this.#tail.resume();
      }, RETRY_MS);
    }
  }

  #setApart(reader: FeedReader, position: number): void {
    reader.position = position;
    reader.readAhead = undefined;
    this.#apart.add(reader);
    this.#rounds.begin();
    reader.group.place(reader, "near");
  }

  /** Whether the ring has all that it lacks, or will. */
  #isNear({ position, group }: FeedReader): boolean {
    return position >= Math.max(this.#ring.from, group.completeFrom);
  }

  #place(reader: FeedReader): void {
    const isNear = this.#isNear(reader);
    if (isNear && reader.position === this.#told && !this.#isTelling && reader.unread === 0) {
      this.#apart.delete(reader);
      reader.group.place(reader, "live");
    } else reader.group.place(reader, isNear ? "near" : "far");
  }

  /** Tells one reader what comes next, if it can take it. @returns whether anything was sent. */
  #serve(reader: FeedReader, now: number): boolean {
    if (reader.isWaiting) return false;
    if (!this.#canTakeNow(reader)) {
      if (this.#sending.isTooSlow(reader)) {
        this.#remove(reader);
        reader.sink.closeAsTooSlow();
      }
      return false;
    }
    if (reader.readAhead !== undefined) {
      this.#tellPage(reader, reader.readAhead);
      return true;
    }
    this.#place(reader);
    if (reader.place === "far") {
      if (now >= reader.notBefore) this.#pages.ask(reader);
      return false;
    }
    if (reader.place === "live" || reader.position >= this.#ring.to) return false;
    const { text, count, to } = this.#ring.next(reader.group.patterns, reader.position);
    if (count === 0) reader.advance(to);
    else this.#sending.send(reader, { text: eventsFrame(text), count, to });
    this.#place(reader);
    return count > 0;
  }

  /** The page that is about to be read may reach the ring: from now on it is kept up for this reader. */
  #isDue(reader: FeedReader): boolean {
    if (!this.#isHere(reader) || reader.place !== "far") return false;
    const left = (this.newest ?? 0) - reader.position;
    reader.group.place(reader, "far", left <= EXPECTED_EVENTS_MAX);
    return true;
  }

  #tookPage(reader: FeedReader, page: FeedPage): void {
    // Meanwhile it may have gone, or the store been opened again.
    if (!this.#isHere(reader) || reader.place !== "far") return;
    reader.readAhead = page;
    if (this.#canTakeNow(reader)) this.#tellPage(reader, page);
  }

  /** What has been read for somebody is told even where others have to wait: to keep it takes as much memory. */
  #canTakeNow(reader: FeedReader): boolean {
    return this.#sending.canTake(reader) || (reader.readAhead !== undefined && reader.unread === 0);
  }

  #tellPage(reader: FeedReader, { events, count, through, gap }: FeedPage): void {
    const now = this.#options.clock.now();
    reader.readAhead = undefined;
    if (through === reader.position) reader.notBefore = now + RETRY_MS;
    if (gap !== undefined && gap.to > reader.gapsTold) {
      const from = Math.max(gap.from, reader.gapsTold + 1);
      this.#sending.send(reader, { text: gapFrame({ from, to: gap.to }), count: 0, to: reader.position });
      reader.gapsTold = gap.to;
    }
    this.#seen = Math.max(this.#seen, through);
    if (count > 0) this.#sending.send(reader, { text: eventsFrame(events), count, to: through });
    else reader.advance(through);
    this.#place(reader);
    const readsAhead = reader.place === "far" && this.#apart.size <= READ_AHEAD_READERS_MAX;
    if (readsAhead && now >= reader.notBefore) this.#pages.ask(reader);
    else this.#serve(reader, now);
  }

  #pageFailed(reader: FeedReader, error: unknown): void {
    if (!this.#isHere(reader)) return;
    const { fault, isLasting } = faultOf(error);
    if (isLasting) {
      this.#remove(reader);
      reader.sink.closeAsUnreadable(fault);
      return;
    }
    reader.notBefore = this.#options.clock.now() + RETRY_MS;
    this.#place(reader);
  }

  /** Where live readers stand is told now and again: it changes with every commit. */
  #advanceAll(): void {
    if (this.#isAdvancing || this.#readers.size === 0) return;
    this.#isAdvancing = true;
    this.#options.clock.later(() => {
      this.#isAdvancing = false;
      for (const group of this.#groups.all)
        for (const reader of group.live) if (!this.#isTelling) reader.advance(this.#told);
      this.#advanceAll();
    }, ADVANCE_INTERVAL_MS);
  }
}

/** What a failed read means: whether to try again, or that it will never succeed. */
function faultOf(error: unknown): { readonly fault: string; readonly isLasting: boolean } {
  if (error instanceof StorageFault) return { fault: error.fault, isLasting: error.fault === DAMAGED };
  return { fault: "the read failed", isLasting: true };
}
