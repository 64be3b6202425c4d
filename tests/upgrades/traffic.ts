/**
 * What a fixture's node is sent: a little of everything that a file can hold. A form that a version learns (CloudEvents,
 * say) is added here before its first fixture is made; what was sent to older ones stands in their own.
 */

import { SeededRandom } from "../support/seeded-random.ts";

/** One body for POST /publish. */
export interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const SEED = 1;

const json = (value: unknown): Delivery => text(JSON.stringify(value));
const text = (body: string): Delivery => ({ headers: { "content-type": "application/json" }, body });

/** Orders that are told again and again, in batches, with a payload that now and then differs. */
function orders(random: SeededRandom): Delivery[] {
  const event = () => {
    const n = random.below(150);
    const isConflict = random.below(20) === 0;
    return {
      topic: `orders.${n % 5}`,
      event_id: `order-${n}`,
      timestamp: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
      source: `till-${n % 3}`,
      payload: {
        n,
        total: isConflict ? "differs" : n * 1.5,
        lines: Array.from({ length: n % 7 }, (_, i) => i),
      },
    };
  };
  return Array.from({ length: 40 }, () => json(Array.from({ length: 1 + random.below(15) }, event)));
}

/** Names and values that a careless migration would change. */
const EDGE_CASES: readonly Delivery[] = [
  json({ event_id: "nothing but an id" }),
  json({ id: "alias", payload: null, timestamp: "2026-02-03" }),
  json({
    topic: "naïve/日本語.😀",
    event_id: "ключ 🔑\u00a0e\u0301",
    source: "größe",
    payload: "𝄞\u0000\ud800",
  }),
  json({ topic: "naïve/日本語.😀", event_id: "ключ 🔑\u00a0é", payload: "composed: another key" }),
  text('{"topic":"exact","event_id":"whole","payload":12345678901234567890}'),
  text(
    '{"topic":"exact","event_id":"wide","payload":[1e400,-0,0.1000000000000000055511151231257827,9007199254740993]}',
  ),
  text(
    '{"topic":"exact","event_id":"wide","payload":[1e401,-0,0.1000000000000000055511151231257827,9007199254740993]}',
  ),
  json({ topic: "large", event_id: "1", payload: "0123456789".repeat(12_000) }),
  json({ topic: "large", event_id: "1", payload: "0123456789".repeat(12_001) }),
  json({ topic: "x".repeat(255), event_id: "y".repeat(255), timestamp: "2026-01-01T01:02:03.123456+05:30" }),
  json(
    Array.from({ length: 60 }, (_, n) => ({
      topic: "twice-in-a-batch",
      event_id: `${n % 40}`,
      payload: n % 40,
    })),
  ),
];

export function deliveries(): Delivery[] {
  const random = new SeededRandom(SEED);
  const all = [...orders(random), ...EDGE_CASES];
  // Everything once, and a third once more.
  return [...all, ...random.shuffled(all).slice(0, all.length / 3)];
}
