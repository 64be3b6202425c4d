/**
 * Decodes a body or frame of the usual shape by walking through its text once and taking the fields out as slices. That
 * takes less time than parsing it, checking the values and printing the payloads again.
 *
 * What it does not decline it decodes exactly as parsing does, to the byte; a test compares the two. It has no errors:
 * whatever is not certainly right is declined and then parsed, whose answer says what is wrong.
 */

import {
  afterDigits,
  afterSpace,
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  standsAt,
  unitAt,
  ZERO,
} from "./characters.ts";
import type { DecodedPublish, DecodeLimits, NativeForm } from "./decoded-publish.ts";
import { DEFAULT_TOPIC, type EventRecord, TEXT_CODE_POINTS_MAX } from "./event.ts";
import { endOfString } from "./exact-json.ts";
import { PayloadScanner } from "./payload-scanner.ts";
import { TextPool } from "./text-pool.ts";
import { faultOfEventId, faultOfSource, faultOfTopic, isPlainUnit } from "./text-rules.ts";
import { isTimestamp, isUsualTimestamp } from "./timestamp.ts";

/** Digits of an integer that is printed as it was sent. */
const INTEGER_DIGITS_MAX = 15;

export class PublishScanner {
  readonly #payloads = new PayloadScanner();
  readonly #topics = new TextPool();
  #text = "";
  /** The place after what was taken last, or that of the value to be taken next. */
  #at = 0;
  /** What `#string` found is between these two places. */
  #stringStart = 0;
  #stringEnd = 0;
  /** Whether `isPlainUnit` holds for all of it and its length is right. */
  #isPlain = false;
  #isEscaped = false;

  /** Undefined when the text is declined: it has to be parsed. */
  scan(text: string, form: NativeForm, limits: DecodeLimits): DecodedPublish | undefined {
    this.enter(text, limits);
    const start = afterSpace(text, 0);
    try {
      const decoded =
        unitAt(text, start) === OPEN_BRACKET
          ? this.#bareList(start, limits)
          : this.#object(start, form, limits);
      return decoded !== undefined && afterSpace(text, this.#at) === text.length ? decoded : undefined;
    } finally {
      this.leave();
    }
  }

  /** Begins a text of which `eventAt` takes one event after the other; `leave` ends it. */
  enter(text: string, { depthMax }: DecodeLimits): void {
    this.#text = text;
    this.#payloads.begin(depthMax);
  }

  /** The event that starts there, or undefined when it is declined. */
  eventAt(start: number, limits: DecodeLimits): EventRecord | undefined {
    return this.#event(start, limits);
  }

  /** The place after the event that was taken last. */
  get end(): number {
    return this.#at;
  }

  /** The scanner lives on, and would keep the text in memory. */
  leave(): void {
    this.#text = "";
  }

  #bareList(start: number, limits: DecodeLimits): DecodedPublish | undefined {
    const events = this.#list(start, limits);
    return events && { events, isSingle: false, wantsResults: false, frameId: undefined };
  }

  /** An object that is no event is found out at its first member, or its second. */
  #object(start: number, form: NativeForm, limits: DecodeLimits): DecodedPublish | undefined {
    const event = this.#event(start, limits);
    if (event === undefined) return this.#envelope(start, form, limits);
    return { events: [event], isSingle: true, wantsResults: false, frameId: undefined };
  }

  #envelope(start: number, form: NativeForm, limits: DecodeLimits): DecodedPublish | undefined {
    const text = this.#text;
    const isFrame = form === "frame";
    let events: EventRecord[] | undefined;
    let wantsResults: boolean | undefined;
    let frameId: string | undefined;
    let hasType = false;
    if (unitAt(text, start) !== OPEN_BRACE) return undefined;
    let at = start;
    do {
      const name = afterSpace(text, at + 1);
      if (events === undefined && this.#isMember(name, '"events"')) {
        events = this.#list(this.#at, limits);
        if (events === undefined) return undefined;
      } else if (isFrame && !hasType && this.#isMember(name, '"type"')) {
        hasType = true;
        if (!this.#word('"publish"')) return undefined;
      } else if (isFrame && frameId === undefined && this.#isMember(name, '"id"')) {
        frameId = this.#frameId();
        if (frameId === undefined) return undefined;
      } else if (isFrame && wantsResults === undefined && this.#isMember(name, '"results"')) {
        wantsResults = this.#word("true");
        if (!wantsResults && !this.#word("false")) return undefined;
      } else return undefined;
      at = afterSpace(text, this.#at);
    } while (unitAt(text, at) === COMMA);
    if (unitAt(text, at) !== CLOSE_BRACE || events === undefined) return undefined;
    this.#at = at + 1;
    return { events, isSingle: false, wantsResults: wantsResults ?? false, frameId };
  }

  /** Whether a member of that name, which is given with its quotes, stands there. Its value is at `#at` then. */
  #isMember(start: number, name: string): boolean {
    const text = this.#text;
    if (!standsAt(text, start, name)) return false;
    const end = start + name.length;
    const colon = unitAt(text, end) === COLON ? end : afterSpace(text, end);
    if (unitAt(text, colon) !== COLON) return false;
    this.#at = unitAt(text, colon + 1) > SPACE ? colon + 1 : afterSpace(text, colon + 1);
    return true;
  }

  #list(start: number, limits: DecodeLimits): EventRecord[] | undefined {
    const text = this.#text;
    if (unitAt(text, start) !== OPEN_BRACKET) return undefined;
    const events: EventRecord[] = [];
    let at = afterSpace(text, start + 1);
    if (unitAt(text, at) === CLOSE_BRACKET) {
      this.#at = at + 1;
      return events;
    }
    for (;;) {
      const event = events.length < limits.eventsMax ? this.#event(at, limits) : undefined;
      if (event === undefined) return undefined;
      events.push(event);
      at = afterSpace(text, this.#at);
      if (unitAt(text, at) === CLOSE_BRACKET) break;
      if (unitAt(text, at) !== COMMA) return undefined;
      at = afterSpace(text, at + 1);
    }
    this.#at = at + 1;
    return events;
  }

  #event(start: number, { eventBytesMax }: DecodeLimits): EventRecord | undefined {
    const text = this.#text;
    if (unitAt(text, start) !== OPEN_BRACE) return undefined;
    let topic: string | undefined;
    let eventId: string | undefined;
    let timestamp: string | null | undefined;
    let source: string | null | undefined;
    let payload: string | undefined;
    let at = start;
    do {
      const name = afterSpace(text, at + 1);
      // A field that is there already stands twice.
      if (topic === undefined && this.#isMember(name, '"topic"')) {
        topic = this.#topic();
        if (topic === undefined) return undefined;
      } else if (eventId === undefined && this.#isMember(name, '"event_id"')) {
        eventId = this.#eventId();
        if (eventId === undefined) return undefined;
      } else if (timestamp === undefined && this.#isMember(name, '"timestamp"')) {
        timestamp = this.#timestamp();
        if (timestamp === undefined) return undefined;
      } else if (source === undefined && this.#isMember(name, '"source"')) {
        source = this.#source();
        if (source === undefined) return undefined;
      } else if (payload === undefined && this.#isMember(name, '"payload"')) {
        payload = this.#payload();
        if (payload === undefined || payload.length > eventBytesMax) return undefined;
      } else if (eventId === undefined && this.#isMember(name, '"id"')) {
        eventId = this.#eventId();
        if (eventId === undefined) return undefined;
      } else return undefined;
      at = afterSpace(text, this.#at);
    } while (unitAt(text, at) === COMMA);
    if (unitAt(text, at) !== CLOSE_BRACE || eventId === undefined) return undefined;
    this.#at = at + 1;
    return {
      topic: topic ?? DEFAULT_TOPIC,
      scope: "",
      eventId,
      timestamp: timestamp ?? null,
      source: source ?? null,
      payload: payload ?? "null",
      attributes: null,
    };
  }

  /** Topics are kept for long, by the table of topics: as slices they would keep the text in memory. */
  #topic(): string | undefined {
    if (!this.#string()) return undefined;
    if (this.#isPlain) return this.#topics.take(this.#text, this.#stringStart, this.#stringEnd);
    const topic = this.#stringValue();
    if (topic === undefined || faultOfTopic(topic) !== undefined) return undefined;
    return this.#topics.take(topic, 0, topic.length);
  }

  #source(): string | null | undefined {
    if (!this.#string()) return this.#word("null") ? null : undefined;
    const source = this.#stringValue();
    if (this.#isPlain) return source;
    return source !== undefined && faultOfSource(source) === undefined ? source : undefined;
  }

  #eventId(): string | undefined {
    if (!this.#string()) return undefined;
    const eventId = this.#stringValue();
    if (this.#isPlain || eventId === undefined) return eventId;
    return faultOfEventId(eventId) === undefined ? eventId : undefined;
  }

  #timestamp(): string | null | undefined {
    if (!this.#string()) return this.#word("null") ? null : undefined;
    const timestamp = this.#stringValue();
    // To look at a unit of a slice makes a string of it; the usual ones are looked at where they stand.
    if (isUsualTimestamp(this.#text, this.#stringStart, this.#stringEnd)) return timestamp;
    return timestamp !== undefined && isTimestamp(timestamp) ? timestamp : undefined;
  }

  #payload(): string | undefined {
    const payload = this.#payloads.take(this.#text, this.#at);
    this.#at = this.#payloads.end;
    return payload;
  }

  /** A string of at most 255 units, or an integer, as it stands. */
  #frameId(): string | undefined {
    const text = this.#text;
    const start = this.#at;
    if (this.#string()) {
      if (this.#isEscaped || this.#stringEnd - this.#stringStart > TEXT_CODE_POINTS_MAX) return undefined;
      const id = text.slice(start, this.#at);
      return this.#isPlain || id.isWellFormed() ? id : undefined;
    }
    const whole = unitAt(text, start) === MINUS ? start + 1 : start;
    const end = afterDigits(text, whole);
    if (end === whole || end - whole > INTEGER_DIGITS_MAX) return undefined;
    if (text.charCodeAt(whole) === ZERO && end > start + 1) return undefined;
    this.#at = end;
    return text.slice(start, end);
  }

  #word(word: string): boolean {
    if (!standsAt(this.#text, this.#at, word)) return false;
    this.#at += word.length;
    return true;
  }

  /** Finds the end of a string; surrogates and what else a field may not hold are not looked at. */
  #string(): boolean {
    const text = this.#text;
    if (unitAt(text, this.#at) !== QUOTE) return false;
    const start = this.#at + 1;
    let at = start;
    while (at < text.length && isPlainUnit(text.charCodeAt(at))) at++;
    const length = at - start;
    this.#isPlain = unitAt(text, at) === QUOTE && length > 0 && length <= TEXT_CODE_POINTS_MAX;
    let unit = unitAt(text, at);
    while (unit !== QUOTE && unit !== BACKSLASH && unit >= SPACE) unit = unitAt(text, ++at);
    this.#isEscaped = unit === BACKSLASH;
    if (this.#isEscaped) at = endOfString(text, start - 1);
    else if (unit !== QUOTE) return false;
    this.#stringStart = start;
    this.#stringEnd = at;
    this.#at = at + 1;
    return true;
  }

  /** The text of the string that was found last; undefined when an escape in it is wrong. */
  #stringValue(): string | undefined {
    if (!this.#isEscaped) return this.#text.slice(this.#stringStart, this.#stringEnd);
    try {
      return JSON.parse(this.#text.slice(this.#stringStart - 1, this.#stringEnd + 1));
    } catch {
      return undefined;
    }
  }
}
