/** Decides for each event of a batch whether its key is new, and if not, where the first arrival is. */

import type { Database, Statement } from "bun:sqlite";
import { type EventRecord, EventStatus } from "../../events/event.ts";
import { EQUAL_LENGTH_RATIO_MAX, isSamePayload } from "../../events/exact-json.ts";
import { FINGERPRINT_WORDS, type Fingerprinter } from "../../events/fingerprint.ts";
import { type DedupIndex, FingerprintTable } from "./dedup-index.ts";
import type { RecentEvents } from "./recent-events.ts";

interface StoredKey {
  readonly seq: number;
  readonly topicId: number;
  readonly scope: string;
  readonly eventId: string;
  /** Null when it is large: then it is read when it is compared, and one at a time. */
  readonly payload: string | null;
  readonly payloadBytes: number;
  readonly receivedAt: number;
}

/** The first arrival of a key and what the present one is to it. */
export interface Arrival {
  status: EventStatus;
  /** Of the first arrival; 0 when this is it. */
  seq: number;
  firstReceivedAt: number;
}

/** Rows fetched by one statement when the candidates of a batch are read. */
const ROWS_PER_READ = 64;

/** Bytes of a payload that is read along with its row: the candidates of a batch are in memory together. */
const PAYLOAD_BYTES_WITH_ROW_MAX = 8_192;

/** Bytes of UTF-8 that one UTF-16 unit takes, at most. */
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** A batch of this many events fits the staging table without growing it. */
const STAGED_CAPACITY = 8_192;

export class KeyLookup {
  readonly #staged = new FingerprintTable(STAGED_CAPACITY);
  readonly #readMany: Statement<StoredKey, number[]>;
  readonly #readOne: Statement<StoredKey, [number]>;
  readonly #readPayload: Statement<{ payload: string }, [number]>;
  readonly #fetched = new Map<number, StoredKey>();
  #words = new Uint32Array(STAGED_CAPACITY * FINGERPRINT_WORDS);
  /** Whether the index knows the fingerprint of an event of the batch: most events need no second look. */
  #isKnown = new Uint8Array(STAGED_CAPACITY);

  constructor(
    db: Database,
    private readonly index: DedupIndex,
    private readonly recent: RecentEvents,
    private readonly fingerprinter: Fingerprinter,
  ) {
    const columns = `SELECT seq, topic_id AS topicId, scope, event_id AS eventId, received_at AS receivedAt,
      octet_length(payload) AS payloadBytes,
      CASE WHEN octet_length(payload) <= ${PAYLOAD_BYTES_WITH_ROW_MAX} THEN payload END AS payload FROM events`;
    this.#readMany = db.prepare(`${columns} WHERE seq IN (${Array(ROWS_PER_READ).fill("?").join(", ")})`);
    this.#readOne = db.prepare(`${columns} WHERE seq = ?`);
    this.#readPayload = db.prepare("SELECT payload FROM events WHERE seq = ?");
  }

  /** Fingerprints of the batch, `FINGERPRINT_WORDS` an event. Valid until the next `begin`. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** Takes in a batch: computes its fingerprints and reads the rows that its duplicates may be of, all at once. */
  begin(events: readonly EventRecord[], topicIds: Int32Array): void {
    this.#reserve(events.length);
    this.#staged.clear();
    this.#fetched.clear();
    const wanted = new Set<number>();
    const words = this.#words;
    for (let i = 0; i < events.length; i++) {
      const { scope, eventId } = events[i]!;
      const at = i * FINGERPRINT_WORDS;
      this.fingerprinter.write(topicIds[i]!, scope, eventId, words, at);
      const shard = this.index.shard(words[at + 1]!);
      let seq = shard.first(words[at]!, words[at + 1]!);
      this.#isKnown[i] = seq > 0 ? 1 : 0;
      for (; seq > 0; seq = shard.next()) if (this.recent.get(seq) === undefined) wanted.add(seq);
    }
    if (wanted.size > 0) this.#fetch([...wanted]);
  }

  /** Judges event `i` of the batch. A new key is staged, so that the rest of the batch finds it. */
  judge(events: readonly EventRecord[], topicIds: Int32Array, i: number, arrival: Arrival): void {
    const event = events[i]!;
    const low = this.#words[i * FINGERPRINT_WORDS]!;
    const high = this.#words[i * FINGERPRINT_WORDS + 1]!;
    if (this.#isKnown[i] === 1) {
      const shard = this.index.shard(high);
      for (let seq = shard.first(low, high); seq > 0; seq = shard.next()) {
        if (this.#isFirstArrival(event, topicIds[i]!, seq, arrival)) return;
      }
    }
    for (let at = this.#staged.first(low, high); at > 0; at = this.#staged.next()) {
      const earlier = events[at - 1]!;
      if (topicIds[at - 1] !== topicIds[i] || !isSameKey(earlier, event)) continue;
      arrival.status = statusAgainst(earlier.payload, event.payload);
      arrival.seq = -at;
      return;
    }
    this.#staged.insert(low, high, i + 1);
    arrival.status = EventStatus.processed;
    arrival.seq = 0;
  }

  /** Rows that may hold a key. */
  locate(topicId: number, scope: string, eventId: string): number[] {
    const words = new Uint32Array(FINGERPRINT_WORDS);
    this.fingerprinter.write(topicId, scope, eventId, words, 0);
    const shard = this.index.shard(words[1]!);
    const found: number[] = [];
    for (let seq = shard.first(words[0]!, words[1]!); seq > 0; seq = shard.next()) found.push(seq);
    return found;
  }

  #isFirstArrival(event: EventRecord, topicId: number, seq: number, arrival: Arrival): boolean {
    const recent = this.recent.get(seq);
    const stored = recent ?? this.#fetched.get(seq);
    if (stored === undefined) return false;
    const isSameTopic =
      recent === undefined ? (stored as StoredKey).topicId === topicId : recent.topic === event.topic;
    if (!isSameTopic || !isSameKey(stored, event)) return false;
    arrival.status =
      stored.payload === null
        ? this.#statusAgainstLarge(stored as StoredKey, event.payload)
        : statusAgainst(stored.payload, event.payload);
    arrival.seq = seq;
    arrival.firstReceivedAt =
      recent === undefined ? (stored as StoredKey).receivedAt : this.recent.receivedAt(seq);
    return true;
  }

  #statusAgainstLarge({ seq, payloadBytes }: StoredKey, payload: string): EventStatus {
    const bytesMax = payload.length * EQUAL_LENGTH_RATIO_MAX * UTF8_BYTES_PER_UNIT_MAX;
    if (payloadBytes > bytesMax) return EventStatus.conflict;
    return statusAgainst(this.#readPayload.get(seq)!.payload, payload);
  }

  #reserve(events: number): void {
    if (events <= this.#isKnown.length) return;
    this.#words = new Uint32Array(events * 2 * FINGERPRINT_WORDS);
    this.#isKnown = new Uint8Array(events * 2);
  }

  #fetch(wanted: number[]): void {
    wanted.sort((a, b) => a - b);
    let i = 0;
    for (; i + ROWS_PER_READ <= wanted.length; i += ROWS_PER_READ) {
      for (const row of this.#readMany.all(...wanted.slice(i, i + ROWS_PER_READ)))
        this.#fetched.set(row.seq, row);
    }
    for (; i < wanted.length; i++) {
      const row = this.#readOne.get(wanted[i]!);
      if (row !== null) this.#fetched.set(row.seq, row);
    }
  }
}

function isSameKey(a: { scope: string; eventId: string }, b: { scope: string; eventId: string }): boolean {
  return a.eventId === b.eventId && a.scope === b.scope;
}

function statusAgainst(first: string, second: string): EventStatus {
  return isSamePayload(first, second) ? EventStatus.duplicate : EventStatus.conflict;
}
