/**
 * Finds a topic's events without an index on the commit path: for every 65,536 events, one list of 16-bit offsets
 * per topic, written a few rows at a time in later commits. A thousand topics then cost what eight do.
 */

export const SEGMENT_EVENTS = 65_536;

/** Rows added to one commit at least, while there are any. */
const STEP_ROWS_MIN = 64;

export interface SegmentRow {
  readonly segment: number;
  readonly topicId: number;
  readonly offsets: Uint8Array;
}

export interface SegmentStep {
  readonly rows: readonly SegmentRow[];
  /** Set when these rows complete segments: the last `seq` of the last of them. */
  readonly indexedThrough: number | undefined;
}

export function segmentOf(seq: number): number {
  return Math.floor(seq / SEGMENT_EVENTS);
}

/** One topic's events in a segment: offsets in ascending order. */
export interface TopicList {
  readonly topicId: number;
  readonly offsets: Uint16Array;
}

/**
 * The events of several topics in one segment between two offsets, both inclusive, in the order asked for. Lists are
 * merged as far as they are taken: a page that needs a hundred events of a segment sorts no more.
 */
export function* merged(
  lists: readonly TopicList[],
  { order, low, high }: { order: "asc" | "desc"; low: number; high: number },
): Generator<{ offset: number; topicId: number }> {
  const isAscending = order === "asc";
  const step = isAscending ? 1 : -1;
  const places = lists.map(({ offsets }) =>
    isAscending ? firstFrom(offsets, low) : firstFrom(offsets, high + 1) - 1,
  );
  for (;;) {
    let next = -1;
    let offset = isAscending ? high + 1 : low - 1;
    for (let i = 0; i < lists.length; i++) {
      const candidate = lists[i]!.offsets[places[i]!];
      if (candidate === undefined || (isAscending ? candidate >= offset : candidate <= offset)) continue;
      [next, offset] = [i, candidate];
    }
    if (next < 0) return;
    places[next]! += step;
    yield { offset, topicId: lists[next]!.topicId };
  }
}

/** The place of the first offset that is not less than `wanted`, by bisection. */
function firstFrom(offsets: Uint16Array, wanted: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsets[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The newest event that a row lists. */
export function lastSeqOf({ segment, offsets }: SegmentRow): number {
  const last = offsets.length - Uint16Array.BYTES_PER_ELEMENT;
  return segment * SEGMENT_EVENTS + offsets[last]! + offsets[last + 1]! * 256;
}

export class TopicSegments {
  readonly #topicIds = new Uint32Array(SEGMENT_EVENTS);
  #segment: number;
  /** Rows of closed segments that are not written yet, the oldest segment first. */
  readonly #waiting: SegmentRow[] = [];
  /** Events added since the last step, or since a segment was closed. */
  #added = 0;

  /** @param indexedThrough the last `seq` whose segment is written; events after it must be added again. */
  constructor(indexedThrough: number) {
    this.#segment = segmentOf(indexedThrough + 1);
  }

  /** Sequence numbers come in ascending order. */
  add(seq: number, topicId: number): void {
    const segment = segmentOf(seq);
    if (segment !== this.#segment) {
      for (const row of this.#collect()) this.#waiting.push(row);
      this.#added = 0;
      this.#topicIds.fill(0);
      this.#segment = segment;
    }
    this.#topicIds[seq % SEGMENT_EVENTS] = topicId;
    this.#added++;
  }

  /**
   * The rows that the next commit should write: twice the share of what waits that the events since the last step
   * are of a segment, so that about one segment waits, however large the commits are and however many the topics.
   * Nothing changes until `keepStep`.
   */
  nextStep(): SegmentStep | undefined {
    const waiting = this.#waiting;
    if (waiting.length === 0) return undefined;
    const share = Math.ceil((2 * waiting.length * this.#added) / SEGMENT_EVENTS);
    const rows = waiting.slice(0, Math.max(STEP_ROWS_MIN, share));
    const next = waiting[rows.length]?.segment ?? rows.at(-1)!.segment + 1;
    return { rows, indexedThrough: next > rows[0]!.segment ? next * SEGMENT_EVENTS - 1 : undefined };
  }

  keepStep({ rows }: SegmentStep): void {
    this.#waiting.splice(0, rows.length);
    this.#added = 0;
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
