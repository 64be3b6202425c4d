/** The topics that a set of patterns covers, kept up to date as topics are added; and the frames' text for them. */

import { addCounters, type Counters, countersMembers, zeroCounters } from "../events/event.ts";
import type { TopicPatterns } from "../events/topic-pattern.ts";
import type { CounterBoard } from "./counter-board.ts";
import type { DeltaRows } from "./delta-log.ts";

export class TopicFilter {
  /** Numbers of the topics that match, among the first `#checked`. */
  #ids = new Set<number>();
  #checked = 0;
  #epoch = "";

  constructor(
    readonly patterns: TopicPatterns,
    private readonly board: CounterBoard,
  ) {}

  /** Numbers of the topics that match, in ascending order. */
  ids(): ReadonlySet<number> {
    return this.#update();
  }

  /** The counters of the topics that match. */
  totals(): Counters {
    const totals = zeroCounters();
    for (const id of this.#update()) addCounters(totals, this.board.topic(id));
    return totals;
  }

  /** `{"type":"snapshot",…}` of the board as it stands. */
  snapshot(): string {
    const { board } = this;
    const totals = zeroCounters();
    const topics: string[] = [];
    for (const id of this.#update()) {
      const topic = board.topic(id);
      addCounters(totals, topic);
      topics.push(topicMember(topic.name, topic));
    }
    return `{"type":"snapshot","epoch":"${board.epoch}","revision":${board.revision},${countersMembers(totals)},"topics":{${topics.join(",")}}}`;
  }

  /** The members of a delta that the patterns cover, or undefined when nothing of it changed. */
  delta(rows: DeltaRows): string | undefined {
    const ids = this.#update();
    const totals = zeroCounters();
    const topics: string[] = [];
    const take = (id: number, counters: Counters): void => {
      addCounters(totals, counters);
      topics.push(topicMember(this.board.topic(id).name, counters));
    };
    if (ids.size < rows.size) {
      for (const id of ids) {
        const counters = rows.get(id);
        if (counters !== undefined) take(id, counters);
      }
    } else {
      for (const [id, counters] of rows) if (ids.has(id)) take(id, counters);
    }
    return topics.length === 0 ? undefined : deltaMembers(totals, topics);
  }

  #update(): ReadonlySet<number> {
    const { board, patterns } = this;
    if (this.#epoch !== board.epoch) {
      this.#epoch = board.epoch;
      this.#ids = new Set();
      this.#checked = 0;
    }
    while (this.#checked < board.topicCount) {
      const id = ++this.#checked;
      if (patterns.matches(board.topic(id).name)) this.#ids.add(id);
    }
    return this.#ids;
  }
}

export const EMPTY_DELTA = deltaMembers(zeroCounters(), []);

function deltaMembers(totals: Counters, topics: readonly string[]): string {
  return `${countersMembers(totals)},"topics":{${topics.join(",")}}`;
}

function topicMember(name: string, counters: Counters): string {
  return `${JSON.stringify(name)}:{${countersMembers(counters)}}`;
}
