/** A server that answers as a node does, except for what a test wants it to get wrong. */

import { addCounters, type Counters, NO_COUNTERS } from "./contract.ts";

export interface FakeFaults {
  /** What it says instead of the truth. */
  readonly acknowledge?: (truth: Counters) => Counters;
  /** By how much its statistics are ahead of the truth after the first publish. */
  readonly extraReceived?: number;
  /** The first publishes are answered with these. */
  readonly refusals?: readonly { readonly status: number; readonly code: string }[];
}

interface FakeEvent {
  readonly topic: string;
  readonly event_id: string;
}

export class FakeNode implements Disposable {
  refused = 0;
  readonly #keys = new Set<string>();
  readonly #topics = new Map<string, Counters>();
  readonly #server = Bun.serve({
    port: 0,
    routes: {
      "/stats": ({ url }) => Response.json(this.#countersOf(new URL(url).searchParams.get("topic")!)),
      "/publish": async (request) => this.#publish((await request.json()) as FakeEvent[]),
    },
  });

  constructor(private readonly faults: FakeFaults) {}

  get url(): string {
    return this.#server.url.origin;
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
  }

  #publish(events: readonly FakeEvent[]): Response {
    const refusal = this.faults.refusals?.[this.refused];
    if (refusal !== undefined) {
      this.refused++;
      const headers = { "retry-after": "0" };
      return Response.json({ ...refusal, detail: "because." }, { status: refusal.status, headers });
    }
    const truth = events.map((event) => this.#count(event)).reduce(addCounters, NO_COUNTERS);
    return Response.json(this.faults.acknowledge?.(truth) ?? truth);
  }

  #count({ topic, event_id }: FakeEvent): Counters {
    const isNew = !this.#keys.has(`${topic} ${event_id}`);
    this.#keys.add(`${topic} ${event_id}`);
    const counters = {
      ...NO_COUNTERS,
      received: 1,
      unique_processed: isNew ? 1 : 0,
      duplicate_dropped: isNew ? 0 : 1,
    };
    this.#topics.set(topic, addCounters(this.#topics.get(topic) ?? NO_COUNTERS, counters));
    return counters;
  }

  #countersOf(topic: string): Counters {
    const counters = this.#topics.get(topic);
    if (counters === undefined) return NO_COUNTERS;
    const isFirst = [...this.#topics.keys()][0] === topic;
    return isFirst
      ? { ...counters, received: counters.received + (this.faults.extraReceived ?? 0) }
      : counters;
  }
}
