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
  /** Topic number of each event of the segment at hand; 0 where there is none. */
  readonly #topicIds = new Uint32Array(SEGMENT_EVENTS);
  #segment = 0;
  /** Events found in lists. */
  listed = 0;

  constructor(
    private readonly db: Database,
    private readonly facts: FileFacts,
    private readonly tally: ChecksumTally,
    private readonly differences: Differences,
  ) {
    this.#lists = db.prepare(
      "SELECT topic_id AS topicId, offsets, checksum FROM topic_segments WHERE segment = ? ORDER BY topic_id",
    );
  }

  /** Events come in the order of `seq`. */
  see(seq: number, topicId: number): void {
    this.#closeUpTo(segmentOf(seq));
    this.#topicIds[seq % SEGMENT_EVENTS] = topicId;
  }

  /** @param lastSeq of the last event. */
  finish(lastSeq: number): void {
    this.#closeUpTo(Math.max(segmentOf(lastSeq), this.#lastSegment()) + 1);
  }

  #lastSegment(): number {
    try {
      const sql = "SELECT max(segment) AS segment FROM topic_segments";
      return this.db.prepare<{ segment: number | null }, []>(sql).get()?.segment ?? 0;
    } catch {
      return 0;
    }
  }

  #closeUpTo(segment: number): void {
    for (; this.#segment < segment; this.#segment++) {
      this.#check(this.#segment);
      this.#topicIds.fill(0);
    }
  }

  #check(segment: number): void {
    try {
      for (const row of this.#lists.iterate(segment)) this.#checkList(segment, row);
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
