/** Which topics a read is limited to: few of them are read through their lists, many by looking at every event. */

import type { Database, Statement } from "bun:sqlite";
import { isMatch, TopicPatterns } from "../../events/topic-pattern.ts";

/** Up to so many topics are read through their lists; where there are more, most events are of them anyway. */
export const LISTED_TOPICS_MAX = 64;

export interface TopicSelection {
  covers(topic: string): boolean;
  /** The numbers of all topics that it covers; undefined where they are more than `LISTED_TOPICS_MAX`. */
  readonly ids: readonly number[] | undefined;
}

/** What a read asks for: one topic, whatever patterns cover, or both at once; neither is every topic. */
export interface TopicsAsked {
  readonly topic?: string;
  readonly topics?: readonly string[];
}

interface NamedTopic {
  readonly id: number;
  readonly name: string;
}

const NOTHING: TopicSelection = { covers: () => false, ids: [] };

export class TopicSelector {
  readonly #byName: Statement<{ id: number }, [string]>;
  readonly #fromName: Statement<NamedTopic, [string]>;

  constructor(db: Database) {
    this.#byName = db.prepare("SELECT id FROM topics WHERE name = ?");
    // Names are in the order of their UTF-8, in which those of one prefix stand together.
    this.#fromName = db.prepare(
      `SELECT id, name FROM topics WHERE name >= ? ORDER BY name LIMIT ${LISTED_TOPICS_MAX + 1}`,
    );
  }

  /** As of the transaction that it is called in: topics may be added later. Undefined means every topic. */
  select({ topic, topics }: TopicsAsked): TopicSelection | undefined {
    const covers = topics === undefined ? () => true : coverOf(topics);
    if (topic !== undefined) {
      const ids = covers(topic) ? this.#byName.all(topic).map(({ id }) => id) : [];
      return ids.length === 0 ? NOTHING : { covers: (name) => name === topic, ids };
    }
    if (topics === undefined || covers === EVERYTHING) return undefined;
    return { covers, ids: this.#idsOf(topics) };
  }

  #idsOf(patterns: readonly string[]): number[] | undefined {
    const ids = new Set<number>();
    for (const pattern of patterns) {
      for (const { id } of this.#matching(pattern)) ids.add(id);
      if (ids.size > LISTED_TOPICS_MAX) return undefined;
    }
    return [...ids];
  }

  /** The topics that one pattern means; not all of them where they are more than are listed. */
  #matching(pattern: string): { readonly id: number }[] {
    if (!pattern.endsWith("*")) return this.#byName.all(pattern);
    return this.#fromName.all(pattern.slice(0, -1)).filter(({ name }) => isMatch(name, pattern));
  }
}

const EVERYTHING = (): boolean => true;

function coverOf(topics: readonly string[]): (topic: string) => boolean {
  // To `TopicPatterns` none means every topic; whoever may see none must not see all.
  if (topics.length === 0) return NOTHING.covers;
  const patterns = new TopicPatterns(topics);
  return patterns.matchesAll ? EVERYTHING : (topic) => patterns.matches(topic);
}
