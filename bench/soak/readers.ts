/** Reads what is stored while a soak runs: pages forwards and backwards, single events, statistics, topics. */

import type { SeededRandom } from "../../tests/support/seeded-random.ts";
import { eventIdOf } from "./event-mix.ts";
import { TOPIC_COUNT, TOPICS } from "./plan.ts";

/** Between two requests of one reader. */
const PAUSE_MS = 50;

const PAGE_EVENTS = 100;

interface StoredEvent {
  readonly topic: string;
  readonly event_id: string;
  readonly payload: { readonly number: number; readonly version: string };
}

interface Page {
  readonly events: readonly StoredEvent[];
  readonly next: string | null;
}

/** @throws Error when an answer is not 200, or holds an event that was never sent. */
export async function readOn(
  url: string,
  random: SeededRandom,
  isOver: () => boolean,
  onRead: () => void,
): Promise<void> {
  let after = "";
  while (!isOver()) {
    const topic = TOPICS[random.below(TOPIC_COUNT)]!;
    const page = await get<Page>(`${url}/events?limit=${PAGE_EVENTS}${after}`);
    after = page.next === null ? "" : `&after=${encodeURIComponent(page.next)}`;
    const latest = await get<Page>(`${url}/events?topic=${topic}&order=desc&limit=${PAGE_EVENTS}`);
    for (const event of [...page.events, ...latest.events]) expectAsSent(event);
    const one = latest.events.at(-1);
    if (one !== undefined) {
      const found = await get<StoredEvent>(`${url}/events/${topic}/${one.event_id}`);
      if (found.event_id !== one.event_id) throw new Error(`${one.event_id} was read as ${found.event_id}`);
    }
    await get(`${url}/stats`);
    await get(`${url}/topics?limit=10`);
    onRead();
    await Bun.sleep(PAUSE_MS);
  }
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (response.status !== 200)
    throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** The first arrival wins, so a conflict's payload must never be read. */
function expectAsSent({ topic, event_id, payload: { number, version } }: StoredEvent): void {
  if (topic !== TOPICS[number % TOPIC_COUNT] || event_id !== eventIdOf(number) || version !== "first")
    throw new Error(`an event was read that was never sent: ${topic} ${event_id} ${number} ${version}`);
}
