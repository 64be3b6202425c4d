/** The topics under one retention rule: what they hold together, and how far their oldest events are gone. */

import { type Retention, type RetentionRule, ruleFor } from "../retention.ts";

export type PoolKind = "events" | "bytes" | "age";

export interface PoolEvent {
  readonly seq: number;
  readonly topicId: number;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

export class RetentionPool {
  /** No event of these topics up to this `seq` is left. */
  cursor: number;
  events = 0;
  bytes = 0;
  /** For ages: before this time nothing is due, in milliseconds since 1970. */
  dueAt = 0;

  constructor(
    readonly kind: PoolKind,
    private readonly max: number,
    newestSeq: number,
  ) {
    this.cursor = newestSeq;
  }

  /** Whether its oldest event may have to go. */
  isDue(now: number): boolean {
    if (this.events === 0) return false;
    return this.kind === "age" ? now >= this.dueAt : this.#isOver(0, 0);
  }

  /** Whether this event, the oldest that is left once `events` of `bytes` are removed, has to go too. */
  mustRemove({ receivedAt }: PoolEvent, now: number, removed: { events: number; bytes: number }): boolean {
    return this.kind === "age"
      ? now >= this.dueAtOf(receivedAt)
      : this.#isOver(removed.events, removed.bytes);
  }

  /** When an event has reached its age; for the other kinds at no time. */
  dueAtOf(receivedAt: number): number {
    return this.kind === "age" ? receivedAt + this.max : 0;
  }

  #isOver(events: number, bytes: number): boolean {
    return this.kind === "events" ? this.events - events > this.max : this.bytes - bytes > this.max;
  }
}

/** Which pools each topic is in, and the sums of each pool. */
export class RetentionPools {
  readonly pools: readonly RetentionPool[];
  readonly #byRule = new Map<RetentionRule, RetentionPool>();
  /** By topic number. */
  readonly #ofTopic: (readonly RetentionPool[])[] = [];

  /** @param newestSeq of the file as it is opened. */
  constructor(
    private readonly retention: Retention,
    newestSeq: number,
  ) {
    const kinds: [PoolKind, readonly RetentionRule[]][] = [
      ["events", retention.events],
      ["bytes", retention.bytes],
      ["age", retention.ages],
    ];
    for (const [kind, rules] of kinds) {
      for (const rule of rules) {
        if (rule.max === Number.POSITIVE_INFINITY) continue;
        this.#byRule.set(rule, new RetentionPool(kind, rule.max, newestSeq));
      }
    }
    this.pools = [...this.#byRule.values()];
  }

  /** A topic that is in the file when it is opened: its events lie behind `prunedThrough`. */
  addStored(
    topicId: number,
    name: string,
    stored: { events: number; bytes: number; prunedThrough: number },
  ): void {
    this.addTopic(topicId, name);
    if (stored.events === 0) return;
    this.change(topicId, stored.events, stored.bytes);
    for (const pool of this.#ofTopic[topicId]!) pool.cursor = Math.min(pool.cursor, stored.prunedThrough);
  }

  addTopic(topicId: number, name: string): void {
    const { events, bytes, ages } = this.retention;
    this.#ofTopic[topicId] = [events, bytes, ages].flatMap((rules) => {
      const rule = ruleFor(name, rules);
      const pool = rule && this.#byRule.get(rule);
      return pool === undefined ? [] : [pool];
    });
  }

  /** Events were added to a topic, or removed: then both numbers are negative. */
  change(topicId: number, events: number, bytes: number): void {
    for (const pool of this.#ofTopic[topicId]!) {
      pool.events += events;
      pool.bytes += bytes;
    }
  }

  isIn(topicId: number, pool: RetentionPool): boolean {
    // A damaged row may name any topic.
    return this.#ofTopic[topicId]?.includes(pool) ?? false;
  }
}
