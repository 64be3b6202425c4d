/** One story that all examples tell: an order is placed and paid, and the payment is told twice. */

import type { CloudEvent } from "../models/cloud-event.ts";
import type { Event, StoredEvent } from "../models/event.ts";
import type { TopicCounters } from "../models/stats.ts";

export const RECEIVED_AT = "2026-01-31T12:00:00.123Z";

export const EPOCH = "1f6b8a52-6e0c-4d57-9a0b-0d2c52a1e7d4";

export const PLACED = {
  topic: "orders",
  event_id: "order-1001-placed",
  payload: { order: 1001, items: ["tea", "cup"] },
} satisfies Event;

export const PAID = {
  topic: "orders",
  event_id: "order-1001-paid",
  timestamp: "2026-01-31T12:00:00Z",
  source: "checkout",
  payload: { order: 1001, amount: 49.9 },
} satisfies Event;

export const STORED = { seq: 2, ...PAID, received_at: RECEIVED_AT } satisfies StoredEvent;

/** The payment as a CloudEvent. */
export const PAID_CLOUD_EVENT = {
  specversion: "1.0",
  id: PAID.event_id,
  source: PAID.source,
  type: PAID.topic,
  time: PAID.timestamp,
  datacontenttype: "application/json",
  data: PAID.payload,
} satisfies CloudEvent;

/** What is answered of the payment when it comes once more. */
export const PAID_AGAIN = {
  event_id: PAID.event_id,
  topic: PAID.topic,
  status: "duplicate" as const,
  seq: STORED.seq,
  first_received_at: RECEIVED_AT,
};

/** After both events, and the payment once more. */
export const COUNTERS = { received: 3, unique_processed: 2, duplicate_dropped: 1, conflicts: 0 };

export const TOPIC = {
  ...COUNTERS,
  first_at: "2026-01-31T11:59:58.004Z",
  last_at: RECEIVED_AT,
  rate: 0.3,
} satisfies TopicCounters;
