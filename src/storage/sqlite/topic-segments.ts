/**
 * Finds a topic's events without an index on the commit path: for every 65,536 events, one list of 16-bit offsets
 * per topic, written a few rows at a time in later commits. A thousand topics then cost what eight do.
 */

export const SEGMENT_EVENTS = 65_536;

/** Rows added to one commit: enough to keep up with 65,536 topics a segment at one event a commit. */
const STEP_ROWS_MAX = 64;

export interface SegmentRow {
  readonly segment: number;
  readonly topicId: number;
  readonly offsets: Uint8Array;
}

export interface SegmentStep {
  readonly rows: readonly SegmentRow[];
  /** Set when these rows complete a segment: the last `seq` of it. */
  readonly indexedThrough: number | undefined;
}

export function segmentOf(seq: number): number {
  return Math.floor(seq / SEGMENT_EVENTS);
}

export class TopicSegments {
  readonly #topicIds = new Uint32Array(SEGMENT_EVENTS);
  #segment: number;
  /** Closed segments whose rows are not all written, the oldest first. */
  readonly #closed: { segment: number; rows: SegmentRow[]; written: number }[] = [];

  /** @param indexedThrough the last `seq` whose segment is written; events after it must be added again. */
  constructor(indexedThrough: number) {
    this.#segment = segmentOf(indexedThrough + 1);
  }

  /** Sequence numbers come in ascending order. */
  add(seq: number, topicId: number): void {
    const segment = segmentOf(seq);
    if (segment !== this.#segment) {
      this.#closed.push({ segment: this.#segment, rows: this.#collect(), written: 0 });
      this.#topicIds.fill(0);
      this.#segment = segment;
    }
    this.#topicIds[seq % SEGMENT_EVENTS] = topicId;
  }

  /** The rows that the next commit should write. Nothing changes until `keepStep`. */
  nextStep(): SegmentStep | undefined {
    const oldest = this.#closed[0];
    if (oldest === undefined) return undefined;
    const end = Math.min(oldest.written + STEP_ROWS_MAX, oldest.rows.length);
    const isComplete = end === oldest.rows.length;
    return {
      rows: oldest.rows.slice(oldest.written, end),
      indexedThrough: isComplete ? (oldest.segment + 1) * SEGMENT_EVENTS - 1 : undefined,
    };
  }

  keepStep(step: SegmentStep): void {
    const oldest = this.#closed[0]!;
    oldest.written += step.rows.length;
    if (step.indexedThrough !== undefined) this.#closed.shift();
  }

  /** Sorts the segment by topic: count, then place (counting sort), 16-bit offsets in ascending order. */
  #collect(): SegmentRow[] {
    const offsetsByTopic = new Map<number, Uint16Array>();
    const counts = new Map<number, number>();
    for (const topicId of this.#topicIds)
      if (topicId > 0) counts.set(topicId, (counts.get(topicId) ?? 0) + 1);
    for (const [topicId, count] of counts) {
      offsetsByTopic.set(topicId, new Uint16Array(count));
      counts.set(topicId, 0);
    }
    for (let offset = 0; offset < SEGMENT_EVENTS; offset++) {
      const topicId = this.#topicIds[offset]!;
      if (topicId === 0) continue;
      const at = counts.get(topicId)!;
      offsetsByTopic.get(topicId)![at] = offset;
      counts.set(topicId, at + 1);
    }
    return [...offsetsByTopic]
      .sort(([a], [b]) => a - b)
      .map(([topicId, offsets]) => ({
        segment: this.#segment,
        topicId,
        offsets: new Uint8Array(offsets.buffer),
      }));
  }
}
