/**
 * From a text of one event a line to a list of events, up to the first line that is wrong. A line may be a CloudEvent, so
 * that what is exported can be published again.
 */

import { type Problem, ProblemError, refuse } from "../problem.ts";
import { afterSpace, LINE_FEED } from "./characters.ts";
import { decodeCloudEvent } from "./cloud-event.ts";
import { decodeEvent, EventFaults } from "./decode-event.ts";
import type { DecodeLimits } from "./decoded-publish.ts";
import type { EventRecord } from "./event.ts";
import { findOversize, isContainer, parseJson } from "./exact-json.ts";
import { checkSize, counted, tooDeep } from "./publish-refusals.ts";
import { PublishScanner } from "./publish-scanner.ts";

export interface DecodedLines {
  /** One for each line that is right and not blank. */
  readonly events: EventRecord[];
  /** Lines from the top that are right, blank ones included: the one after them is wrong, or there is none. */
  readonly lines: number;
  /** What is wrong with the next line; places are relative to its event. */
  readonly problem: Problem | undefined;
}

const scanner = new PublishScanner();

/** What the scanner declines is parsed, that line alone; what is wrong with it is said by the parser. */
export function decodeLines(text: string, limits: DecodeLimits): DecodedLines {
  const events: EventRecord[] = [];
  let lines = 0;
  let at = 0;
  scanner.enter(text, limits);
  try {
    while (at < text.length) {
      const start = afterSpace(text, at);
      // Blank lines, as many as follow each other.
      for (let blank = at; blank < start; blank++) {
        if (text.charCodeAt(blank) !== LINE_FEED) continue;
        lines++;
        at = blank + 1;
      }
      const end = endOfLine(text, start);
      if (start < text.length)
        events.push(scanLine(text, start, end, limits) ?? parseLine(text, start, end, limits));
      else if (at >= text.length) break;
      lines++;
      at = end + 1;
    }
    return { events, lines, problem: undefined };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { events, lines, problem: error.problem };
  } finally {
    scanner.leave();
  }
}

/** Lines before the one that holds the event with this index. */
export function linesBefore(text: string, event: number): number {
  let lines = 0;
  let events = 0;
  for (let at = 0; ; lines++) {
    const end = endOfLine(text, at);
    if (text.slice(at, end).trim() !== "" && events++ === event) return lines;
    at = end + 1;
  }
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

/** The scanner takes a line break for white space: an event that goes on beyond the end of its line is none. */
function scanLine(text: string, start: number, end: number, limits: DecodeLimits): EventRecord | undefined {
  const event = scanner.eventAt(start, limits);
  return event !== undefined && scanner.end <= end && afterSpace(text, scanner.end) >= end
    ? event
    : undefined;
}

/** @throws ProblemError */
function parseLine(text: string, start: number, end: number, limits: DecodeLimits): EventRecord {
  const faults = new EventFaults();
  const value = parseValue(text.slice(start, end), limits);
  const isCloudEvent = isContainer(value) && Object.hasOwn(value, "specversion");
  const decode = isCloudEvent ? decodeCloudEvent : decodeEvent;
  const event = decode(value, faults, limits.depthMax);
  if (event === undefined) {
    const verb = faults.count === 1 ? "is" : "are";
    return refuse("invalid_event", `${counted(faults.count, "place")} in the event ${verb} invalid.`, faults);
  }
  checkSize(event, faults, limits, isCloudEvent ? "data" : "payload");
  return event;
}

function parseValue(line: string, limits: DecodeLimits): unknown {
  const oversize = findOversize(line, limits.eventsMax, limits.depthMax);
  if (oversize?.kind === "deep") return refuse("invalid_event", tooDeep(limits));
  if (oversize?.kind === "many")
    return refuse("invalid_event", "A line holds one event and no list of them.");
  try {
    return parseJson(line);
  } catch (error) {
    // Keeping numbers exact takes a recursion, whose stack only a text far too deep overflows.
    if (error instanceof RangeError) return refuse("invalid_event", tooDeep(limits));
    if (!(error instanceof SyntaxError)) throw error;
    return refuse("malformed_json", "The line could not be parsed as JSON.");
  }
}
