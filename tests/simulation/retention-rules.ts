/** What retention may be set to in a history, and which events its rules then ask to remove: a page of plain code. */

import type { Retention, RetentionRule } from "../../src/storage/retention.ts";
import type { Arrival } from "./model.ts";
import type { Random } from "./random.ts";

const RULE_KINDS = ["events", "bytes", "ages"] as const;
type RuleKind = (typeof RULE_KINDS)[number];

const PATTERNS = ["*", "*", "orders*", "orders.*", "o*", "default", "orders.eu", "zz"];
const HOUR_MS = 3_600_000;

const LIMITS: Readonly<Record<RuleKind, readonly number[]>> = {
  events: [0, 1, 3, 10, 30, Number.POSITIVE_INFINITY],
  bytes: [0, 100, 500, 2_000, Number.POSITIVE_INFINITY],
  ages: [20, 500, 5_000, 61_000, HOUR_MS, 24 * HOUR_MS],
};

const WINDOWS_MS = [0, 250, 5_000, 80_000, HOUR_MS, 30 * HOUR_MS];

/** @param eventsKept of a large file: so many, less a few. */
export function drawRetention(random: Random, eventsKept: number, mayRememberLonger: boolean): Retention {
  const rules = (kind: RuleKind): RetentionRule[] =>
    [...new Set(random.some(PATTERNS, random.pick([0, 1, 1, 2, 4])))].map((pattern) => ({
      pattern,
      max: eventsKept === 0 ? random.pick(LIMITS[kind]) : largeLimit(random, kind, eventsKept),
    }));
  const dedupWindowMs = mayRememberLonger && random.chance(0.6) ? random.pick(WINDOWS_MS) : 0;
  return { events: rules("events"), bytes: rules("bytes"), ages: rules("ages"), dedupWindowMs };
}

/** Close to what there is: a large file is not emptied a few events at a time. */
function largeLimit(random: Random, kind: RuleKind, events: number): number {
  if (kind === "events") return events - random.pick([0, 20, 700]);
  return kind === "bytes" ? events * 70 : 2 * HOUR_MS;
}

/** The events that each rule asks to remove, the oldest first. */
export function dueByRule(events: readonly Arrival[], retention: Retention, now: number): Arrival[][] {
  return RULE_KINDS.flatMap((kind) => {
    const rules = retention[kind];
    const ruleOf = new Map<string, RetentionRule | undefined>();
    for (const { topic } of events) if (!ruleOf.has(topic)) ruleOf.set(topic, ruleFor(topic, rules));
    return rules.map((rule) =>
      dueUnder(
        events.filter(({ topic }) => ruleOf.get(topic) === rule),
        kind,
        rule.max,
        now,
      ),
    );
  });
}

function dueUnder(covered: readonly Arrival[], kind: RuleKind, max: number, now: number): Arrival[] {
  if (max === Number.POSITIVE_INFINITY) return [];
  if (kind === "events") return covered.slice(0, Math.max(0, covered.length - max));
  if (kind === "ages") return covered.filter(({ at }) => now - at >= max);
  let left = covered.reduce((sum, event) => sum + bytesOf(event), 0);
  let due = 0;
  while (left > max) left -= bytesOf(covered[due++]!);
  return covered.slice(0, due);
}

/** Its own name first, then the longest prefix. */
function ruleFor(topic: string, rules: readonly RetentionRule[]): RetentionRule | undefined {
  const exact = rules.find(({ pattern }) => pattern === topic);
  const prefixes = rules
    .filter(({ pattern }) => pattern.endsWith("*") && topic.startsWith(pattern.slice(0, -1)))
    .sort((a, b) => b.pattern.length - a.pattern.length);
  return exact ?? prefixes[0];
}

/** Row, numbers, fingerprint and place in a list. */
const OVERHEAD_BYTES = 48;

export function bytesOf({ scope, eventId, timestamp, source, payload }: Arrival): number {
  const texts = [scope, eventId, timestamp ?? "", source ?? "", payload.stored];
  return OVERHEAD_BYTES + Buffer.byteLength(texts.join(""));
}
