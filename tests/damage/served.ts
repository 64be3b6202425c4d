/** Everything that a node serves about what it has stored, in a form that two starts of it can be compared in. */

import { type Counters, countersOf } from "../support/contract.ts";
import type { NodeProcess } from "../support/node-process.ts";

interface Key {
  readonly topic: string;
  readonly event_id: string;
}

export interface KeyedRequest {
  readonly key: string;
  readonly body: string;
}

/** Each part as text, or the status where the node said that it cannot. */
export type Served = ReadonlyMap<string, string | number>;

/** Requests under way at once. */
const ASKED_AT_ONCE = 16;

export const ALL_EVENTS = "/events?order=asc";

/**
 * Asks for the statistics, every page in both orders, every topic's pages, the conflicts and every event by its id;
 * publishes every event again last, since that changes the counters, and sends every request again under its key.
 */
export async function serve(
  node: NodeProcess,
  { events: keys, requests }: { readonly events: readonly Key[]; readonly requests: readonly KeyedRequest[] },
): Promise<Served> {
  const served = new Map<string, string | number>();
  const topics = [...new Set(keys.map(({ topic }) => topic))];
  const lists = [
    ALL_EVENTS,
    "/events?order=desc",
    ...topics.map((topic) => `/events?topic=${encodeURIComponent(topic)}`),
  ];
  for (const list of lists) served.set(list, await readToEnd(node, list));
  const paths = [
    "/conflicts?limit=1000",
    ...keys.map(
      ({ topic, event_id }) => `/events/${encodeURIComponent(topic)}/${encodeURIComponent(event_id)}`,
    ),
  ];
  served.set("/stats", await answer(node, "/stats", timelessStats));
  for (let at = 0; at < paths.length; at += ASKED_AT_ONCE) {
    const asked = paths.slice(at, at + ASKED_AT_ONCE);
    const answers = await Promise.all(asked.map((path) => answer(node, path)));
    for (const [i, path] of asked.entries()) served.set(path, answers[i]!);
  }
  const response = await node.post(keys, { query: "?results=true" });
  const text = await response.text();
  served.set("publishing again", response.status < 500 ? text : response.status);
  for (const { key, body } of requests) served.set(`request ${key} again`, await sendAgain(node, key, body));
  return served;
}

/** The first answer; or the status alone where that is not known any more, and the request was done again. */
async function sendAgain(node: NodeProcess, key: string, body: string): Promise<string | number> {
  const response = await node.post(body, { headers: { "idempotency-key": key } });
  const text = await response.text();
  return response.headers.has("idempotency-replayed") ? text : response.status;
}

/** Parts that differ from what was stored, those that were refused apart. */
export function compare(served: Served, stored: Served): { wrong: string[]; refused: string[] } {
  const parts = [...stored.keys()].filter((part) => served.get(part) !== stored.get(part));
  return {
    wrong: parts.filter((part) => typeof served.get(part) === "string"),
    refused: parts.filter((part) => typeof served.get(part) === "number"),
  };
}

/** The text of every event, page by page: on a busy machine a page may be short. */
async function readToEnd(node: NodeProcess, list: string): Promise<string | number> {
  const events: string[] = [];
  for (let after = ""; ; ) {
    const page = await answer(node, `${list}&limit=10000${after}`);
    const parts =
      typeof page === "string" ? /^\{"events":\[(.*)\],.*"next":(?:"(.*)"|null)\}$/s.exec(page) : null;
    if (parts === null) return page;
    if (parts[1] !== "") events.push(parts[1]!);
    if (parts[2] === undefined) return `[${events.join(",")}]`;
    after = `&after=${parts[2]}`;
  }
}

async function answer(
  node: NodeProcess,
  path: string,
  form: (text: string) => string = (text) => text,
): Promise<string | number> {
  const response = await fetch(`${node.url}${path}`);
  const text = await response.text();
  if (response.status >= 500) return response.status;
  if (response.status !== 200) return `${response.status} ${text}`;
  try {
    return form(text);
  } catch {
    // No JSON any more: as wrong as it came.
    return text;
  }
}

/** What the file has a part in: neither the node's own times, nor rates. */
export function timelessStats(text: string): string {
  const stats = JSON.parse(text) as Counters & {
    readonly topics: Record<string, Counters & { first_at: string; last_at: string }>;
  };
  const topics = Object.entries(stats.topics).map(([name, topic]) => [
    name,
    { ...countersOf(topic), first_at: topic.first_at, last_at: topic.last_at },
  ]);
  return JSON.stringify({ ...countersOf(stats), topics });
}
