/** Readers of the feed with the same patterns, and which groups a topic concerns. */

import type { TopicPatterns } from "../events/topic-pattern.ts";
import type { FeedReader, Place } from "./feed-reader.ts";

export class FeedGroup {
  readonly live = new Set<FeedReader>();
  /** Of any place. */
  size = 0;
  /** Those that the ring is kept up for beside the live ones. */
  #awaited = 0;

  /** @param completeFrom what the patterns cover after this `seq` is in the ring, as far as that reaches. */
  constructor(
    readonly patterns: TopicPatterns,
    public completeFrom: number,
  ) {}

  /** Whether the ring must have what the patterns cover. */
  get isFollowed(): boolean {
    return this.live.size + this.#awaited > 0;
  }

  add(reader: FeedReader): void {
    this.size++;
    this.#count(reader, 1);
  }

  remove(reader: FeedReader): void {
    this.size--;
    this.#count(reader, -1);
  }

  place(reader: FeedReader, place: Place, isExpected = false): void {
    this.#count(reader, -1);
    reader.place = place;
    reader.isExpected = isExpected;
    this.#count(reader, 1);
  }

  #count(reader: FeedReader, change: 1 | -1): void {
    if (reader.place === "live") {
      if (change > 0) this.live.add(reader);
      else this.live.delete(reader);
    } else if (reader.place === "near" || reader.isExpected) this.#awaited += change;
  }
}

/**
 * Pairs of a group and a topic that are worth a list: beyond it each group is held against the topics in its turn, and
 * what is to be found out at once is not. A client may bring thousands of groups that all cover thousands of topics.
 */
export const PAIRS_MAX = 100_000;

/** Places in the lists of groups by topic that are kept; beyond it they are made anew. */
const LISTED_MAX = 1_000_000;

export class FeedGroups {
  readonly #byKey = new Map<string, FeedGroup>();
  /** Which groups a topic concerns, beside those that every topic does: as far as it was asked. */
  readonly #byTopic = new Map<string, FeedGroup[]>();
  readonly #ofEveryTopic = new Set<FeedGroup>();
  #listed = 0;

  get all(): Iterable<FeedGroup> {
    return this.#byKey.values();
  }

  /** The group of these patterns. @param completeFrom where it is new. */
  of(patterns: TopicPatterns, completeFrom: number): FeedGroup {
    let group = this.#byKey.get(patterns.key);
    if (group === undefined) {
      group = new FeedGroup(patterns, completeFrom);
      this.#byKey.set(patterns.key, group);
      if (patterns.matchesAll) this.#ofEveryTopic.add(group);
      else
        for (const [topic, groups] of this.#byTopic)
          if (patterns.matches(topic)) {
            groups.push(group);
            this.#listed++;
          }
    }
    return group;
  }

  /** Forgets a group that nobody is in. */
  drop(group: FeedGroup): void {
    const { patterns } = group;
    this.#byKey.delete(patterns.key);
    if (this.#ofEveryTopic.delete(group)) return;
    for (const [topic, groups] of this.#byTopic) {
      if (!patterns.matches(topic)) continue;
      groups.splice(groups.indexOf(group), 1);
      this.#listed--;
    }
  }

  get ofEveryTopic(): Iterable<FeedGroup> {
    return this.#ofEveryTopic;
  }

  /** Those whose patterns name a topic, or a prefix of it. */
  ofTopic(topic: string): readonly FeedGroup[] {
    let groups = this.#byTopic.get(topic);
    if (groups === undefined) {
      if (this.#listed > LISTED_MAX) {
        this.#byTopic.clear();
        this.#listed = 0;
      }
      groups = [];
      for (const group of this.#byKey.values())
        if (!this.#ofEveryTopic.has(group) && group.patterns.matches(topic)) groups.push(group);
      this.#byTopic.set(topic, groups);
      // A topic that concerns nobody takes room as well.
      this.#listed += groups.length + 1;
    }
    return groups;
  }

  /** Whether finding out which groups so many topics concern would hold up everything else. */
  isMuchWorkFor(topicCount: number): boolean {
    return topicCount * this.#byKey.size > PAIRS_MAX;
  }

  /** Those that topics concern; all of them where that is much work to find out. */
  concernedBy(topics: readonly string[]): Iterable<FeedGroup> {
    if (topics.length === 0) return [];
    if (this.isMuchWorkFor(topics.length)) return this.all;
    const found = new Set(this.#ofEveryTopic);
    for (const topic of topics) for (const group of this.ofTopic(topic)) found.add(group);
    return found;
  }

  /**
   * The groups that topics concern, with the places of the topics that do; found topic by topic, for work in turns.
   * @returns undefined where they are more pairs than are worth a list.
   */
  *placesOf(topics: readonly string[]): Generator<false, Map<FeedGroup, number[]> | undefined> {
    const found = new Map<FeedGroup, number[]>();
    if (topics.length === 0) return found;
    const all = topics.map((_, place) => place);
    for (const group of this.#ofEveryTopic) found.set(group, all);
    let pairs = 0;
    for (const [place, topic] of topics.entries()) {
      const groups = this.ofTopic(topic);
      pairs += groups.length;
      if (pairs > PAIRS_MAX) return undefined;
      for (const group of groups) {
        const places = found.get(group);
        if (places === undefined) found.set(group, [place]);
        else places.push(place);
      }
      yield false;
    }
    return found;
  }
}
