/** What a node answered when a fixture was made, and whether a node of today answers the same. */

import { expect } from "bun:test";
import { type Acceptance, COUNTER_NAMES, type EventPage, type Stats } from "../support/contract.ts";
import type { NodeProcess } from "../support/node-process.ts";
import type { Delivery } from "./traffic.ts";

/** A delivery, and the answer to it as text. */
interface Answered extends Delivery {
  readonly answer: string;
}

/** Answers are kept as text: parsed, they would lose the numbers that a double cannot hold. */
export interface Recording {
  readonly version: string;
  readonly deliveries: readonly Answered[];
  readonly stats: string;
  /** GET /events, page after page. */
  readonly pages: readonly string[];
  /** GET /events of each topic. */
  readonly topics: Readonly<Record<string, string>>;
  readonly conflicts: string;
}

/** Small enough for several pages, and large enough for a topic to fit in one. */
const PAGE_EVENTS = 100;

/** Everything about the file that can be read over the wire. */
type Answers = Omit<Recording, "deliveries" | "version">;

export async function deliver(node: NodeProcess, deliveries: readonly Delivery[]): Promise<Answered[]> {
  const answered: Answered[] = [];
  for (const { headers, body } of deliveries) {
    const response = await node.post(body, { headers, query: "?results=true" });
    const answer = await response.text();
    if (response.status !== 200) throw new Error(`Expected 200, got ${response.status}: ${answer}`);
    answered.push({ headers, body, answer });
  }
  return answered;
}

export async function versionOf(node: NodeProcess): Promise<string> {
  return (JSON.parse(await node.getText("/health")) as { version: string }).version;
}

export async function readAnswers(node: NodeProcess): Promise<Answers> {
  const pages: string[] = [];
  for (let after = ""; ; ) {
    const page = await node.getText(`/events?limit=${PAGE_EVENTS}${after}`);
    pages.push(page);
    const { next } = JSON.parse(page) as EventPage;
    if (next === null) break;
    after = `&after=${next}`;
  }
  const stats = await node.getText("/stats");
  const topics: Record<string, string> = {};
  for (const name of Object.keys((JSON.parse(stats) as Stats).topics))
    topics[name] = await node.getText(`/events?limit=${PAGE_EVENTS}&topic=${encodeURIComponent(name)}`);
  return { stats, pages, topics, conflicts: await node.getText("/conflicts?limit=1000") };
}

interface JsonWithSource {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
}

/** Parses JSON with its numbers as they were written. */
function parseExactly(text: string): unknown {
  return (JSON as unknown as JsonWithSource).parse(text, (_, value, { source }) =>
    typeof value === "number" ? `number ${source}` : value,
  );
}

type Members = Readonly<Record<string, unknown>>;

/** Later versions may say more, but what was said then must be said still. */
function withoutNews(now: Members, then: Members): Members {
  return Object.fromEntries(Object.keys(then).map((name) => [name, now[name]]));
}

function expectSameList(now: readonly Members[], then: readonly Members[]): void {
  expect(now.length).toBe(then.length);
  expect(now.map((member, i) => withoutNews(member, then[i]!))).toEqual([...then]);
}

function eventsOf(page: string): Members[] {
  return [...(parseExactly(page) as { events: Members[] }).events];
}

function conflictsOf(answer: string): Members[] {
  return [...(parseExactly(answer) as { conflicts: Members[] }).conflicts];
}

/** The statistics that outlive a process. */
function lasting(stats: string): unknown {
  const { topics, topic_count, ...counters } = JSON.parse(stats) as Stats;
  return {
    topic_count,
    ...pick(counters, COUNTER_NAMES),
    topics: Object.entries(topics)
      .map(([name, topic]) => ({ name, ...pick(topic, [...COUNTER_NAMES, "first_at", "last_at"]) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function pick(from: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, (from as Members)[name]]));
}

export function expectSameAnswers(now: Answers, then: Answers): void {
  expect(lasting(now.stats)).toEqual(lasting(then.stats));
  expectSameList(now.pages.flatMap(eventsOf), then.pages.flatMap(eventsOf));
  expect(Object.keys(now.topics).sort()).toEqual(Object.keys(then.topics).sort());
  for (const [name, page] of Object.entries(then.topics))
    expectSameList(eventsOf(now.topics[name]!), eventsOf(page));
  expectSameList(conflictsOf(now.conflicts), conflictsOf(then.conflicts));
}

/** Sent again, everything is known: under the same `seq`, first received when it was, and in conflict if it was. */
export async function expectEverythingKnown(
  node: NodeProcess,
  deliveries: readonly Answered[],
): Promise<void> {
  const again = await deliver(node, deliveries);
  for (const [i, { answer }] of again.entries()) {
    const [now, then] = [JSON.parse(answer), JSON.parse(deliveries[i]!.answer)] as [Acceptance, Acceptance];
    expect(now.unique_processed).toBe(0);
    expectSameList(
      now.results!.map((result) => ({ ...result })),
      then.results!.map((result) => ({
        ...result,
        status: result.status === "processed" ? "duplicate" : result.status,
      })),
    );
  }
}
