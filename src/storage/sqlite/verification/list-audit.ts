/** Whether the lists of topics (`topic_segments`) name exactly the events that are stored. */

import type { Database, Statement } from "bun:sqlite";
import { segmentChecksum } from "../checksums.ts";
import { SEGMENT_EVENTS, segmentOf } from "../topic-segments.ts";
import type { ChecksumTally } from "./checksum-tally.ts";
import type { FileFacts } from "./file-facts.ts";
import { reasonOf } from "./readable-rows.ts";
import type { Differences } from "./verification-report.ts";

interface ListRow {
  readonly topicId: number;
  readonly offsets: Uint8Array;
  readonly checksum: number | null;
}

export class ListAudit {
  readonly #lists: Statement<ListRow, [number]>;
  readonly #listed: Statement<{ segment: number }, [number]>;
  /** Topic number of each event of the segment at hand; 0 where there is none. */
  readonly #topicIds = new Uint32Array(SEGMENT_EVENTS);
  #segment = Number.NEGATIVE_INFINITY;
  /** Events found in lists. */
  listed = 0;

  constructor(
    db: Database,
    private readonly facts: FileFacts,
    private readonly tally: ChecksumTally,
    private readonly differences: Differences,
  ) {
    this.#lists = db.prepare(
      "SELECT topic_id AS topicId, offsets, checksum FROM topic_segments WHERE segment = ? ORDER BY topic_id",
    );
    this.#listed = db.prepare(
      "SELECT segment FROM topic_segments WHERE segment > ? ORDER BY segment LIMIT 1",
    );
  }

  /** Events come in the order of `seq`. */
  see(seq: number, topicId: number): void {
    this.#closeUpTo(segmentOf(seq));
    this.#topicIds[seq % SEGMENT_EVENTS] = topicId;
  }

  /** After the last event. */
  finish(): void {
    this.#closeUpTo(Number.POSITIVE_INFINITY);
  }

  /** Only segments with events or lists are looked at: a damaged number may be of one that is trillions away. */
  #closeUpTo(segment: number): void {
    if (segment === this.#segment) return;
    this.#check(this.#segment);
    this.#topicIds.fill(0);
    let listed = this.#listedAfter(this.#segment);
    for (; listed !== undefined && listed < segment; listed = this.#listedAfter(listed)) this.#check(listed);
    this.#segment = segment;
  }

  #listedAfter(segment: number): number | undefined {
    try {
      const listed = this.#listed.get(segment)?.segment;
      if (listed === undefined || listed > segment) return listed;
      this.differences.add("lists", `The lists after segment ${segment} are out of order.`);
    } catch (error) {
      this.differences.add(
        "lists",
        `The lists after segment ${segment} cannot be read (${reasonOf(error)}).`,
      );
    }
    return undefined;
  }

  #check(segment: number): void {
    try {
      let last = Number.NEGATIVE_INFINITY;
      for (const row of this.#lists.iterate(segment)) {
        if (!(row.topicId > last)) throw new Error("they are out of order");
        last = row.topicId;
        this.#checkList(segment, row);
      }
    } catch (error) {
      this.differences.add("lists", `The lists of segment ${segment} cannot be read (${reasonOf(error)}).`);
    }
    // A segment beyond that is not listed in full yet: readers look at its events themselves.
    if (segment > segmentOf(this.facts.indexedThrough)) return;
    let unlisted = 0;
    let first = 0;
    for (let offset = SEGMENT_EVENTS - 1; offset >= 0; offset--) {
      if (this.#topicIds[offset] === 0) continue;
      unlisted++;
      first = segment * SEGMENT_EVENTS + offset;
    }
    if (unlisted > 0)
      this.differences.add("lists", `${unlisted} events from ${first} on are in no list of their topic.`);
  }

  /** Takes the events of a list out of the segment at hand, so that those that are in no list are left. */
  #checkList(segment: number, { topicId, offsets: bytes, checksum }: ListRow): void {
    const name = `list of topic ${topicId} in segment ${segment}`;
    this.tally.see(checksum, segmentChecksum(segment, topicId, bytes), () => `The ${name}`);
    const offsets = new Uint16Array(bytes.slice().buffer, 0, bytes.length >> 1);
    const prunedThrough = this.facts.topics.get(topicId)?.prunedThrough ?? 0;
    let last = -1;
    let strays = 0;
    let firstStray = 0;
    for (const offset of offsets) {
      const seq = segment * SEGMENT_EVENTS + offset;
      const isListed = this.#topicIds[offset] === topicId;
      if (isListed) {
        this.#topicIds[offset] = 0;
        this.listed++;
      }
      const isGone = this.#topicIds[offset] === 0 && seq <= prunedThrough;
      if (offset <= last || (!isListed && !isGone)) {
        if (strays++ === 0) firstStray = seq;
      }
      last = offset;
    }
    if (strays > 0)
      this.differences.add(
        "lists",
        `The ${name} names ${strays} events wrongly, the first is ${firstStray}.`,
      );
  }
}
