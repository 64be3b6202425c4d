/** Decides for each event of a batch whether its key is new, and if not, where the first arrival is. */

import type { Database, Statement } from "bun:sqlite";
import { type EventRecord, EventStatus } from "../../events/event.ts";
import { EQUAL_LENGTH_RATIO_MAX, isSamePayload } from "../../events/exact-json.ts";
import { FINGERPRINT_WORDS, type Fingerprinter } from "../../events/fingerprint.ts";
import { eventChecksum, isIntact } from "./checksums.ts";
import { type DedupIndex, FingerprintTable } from "./dedup-index.ts";
import type { RecentEvents } from "./recent-events.ts";
import { FINGERPRINT_COLUMNS, type FingerprintRow, forEachId } from "./remembered-ids.ts";

interface StoredKey {
  readonly seq: number;
  readonly topicId: number;
  readonly scope: string;
  readonly eventId: string;
  readonly timestamp: string | null;
  readonly source: string | null;
  /** Null when it is large: then it is read when it is compared, and one at a time. */
  readonly payload: string | null;
  readonly payloadBytes: number;
  readonly attributes: string | null;
  readonly receivedAt: number;
  readonly checksum: number | null;
}

/** An id whose event is gone, or not readable any more: all 128 bits of its fingerprint decide. */
interface RememberedId {
  readonly third: number;
  readonly fourth: number;
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
  readonly #readId: Statement<FingerprintRow, [number]>;
  readonly #fetched = new Map<number, StoredKey>();
  readonly #remembered = new Map<number, RememberedId>();
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
      timestamp, source, attributes, checksum, octet_length(payload) AS payloadBytes,
      CASE WHEN octet_length(payload) <= ${PAYLOAD_BYTES_WITH_ROW_MAX} THEN payload END AS payload FROM events`;
    this.#readMany = db.prepare(`${columns} WHERE seq IN (${Array(ROWS_PER_READ).fill("?").join(", ")})`);
    this.#readOne = db.prepare(`${columns} WHERE seq = ?`);
    this.#readPayload = db.prepare("SELECT payload FROM events WHERE seq = ?");
    this.#readId = db.prepare(
      `SELECT ${FINGERPRINT_COLUMNS} FROM fingerprints WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1`,
    );
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
    this.#remembered.clear();
    const wanted = new Set<number>();
    const words = this.#words;
    for (let i = 0; i < events.length; i++) {
      const { scope, eventId } = events[i]!;
      const at = i * FINGERPRINT_WORDS;
      this.fingerprinter.write(topicIds[i]!, scope, eventId, words, at);
      const high = words[at + 1]!;
      let seq = this.index.first(words[at]!, high);
      this.#isKnown[i] = seq > 0 ? 1 : 0;
      for (; seq > 0; seq = this.index.next(high)) if (!this.recent.has(seq)) wanted.add(seq);
    }
    if (wanted.size > 0) this.#fetch([...wanted]);
  }

  /** Judges event `i` of the batch. A new key is staged, so that the rest of the batch finds it. */
  judge(events: readonly EventRecord[], topicIds: Int32Array, i: number, arrival: Arrival): void {
    const event = events[i]!;
    const low = this.#words[i * FINGERPRINT_WORDS]!;
    const high = this.#words[i * FINGERPRINT_WORDS + 1]!;
    if (this.#isKnown[i] === 1) {
      for (let seq = this.index.first(low, high); seq > 0; seq = this.index.next(high)) {
        if (this.#isFirstArrival(event, topicIds[i]!, seq, arrival)) return;
        if (this.#isRemembered(i, seq, arrival)) return;
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
    const found: number[] = [];
    const high = words[1]!;
    for (let seq = this.index.first(words[0]!, high); seq > 0; seq = this.index.next(high)) found.push(seq);
    return found;
  }

  #isFirstArrival(event: EventRecord, topicId: number, seq: number, arrival: Arrival): boolean {
    if (this.recent.has(seq)) return this.#isRecent(event, topicId, seq, arrival);
    const stored = this.#fetched.get(seq);
    if (stored === undefined) return false;
    if (stored.topicId !== topicId || !isSameKey(stored, event)) {
      if (stored.payload === null) this.#doubt(stored);
      return false;
    }
    arrival.status =
      stored.payload === null
        ? this.#statusAgainstLarge(stored, event.payload)
        : statusAgainst(stored.payload, event.payload);
    arrival.seq = seq;
    arrival.firstReceivedAt = stored.receivedAt;
    return true;
  }

  #isRecent(event: EventRecord, topicId: number, seq: number, arrival: Arrival): boolean {
    if (!this.recent.hasKeyOf(seq, topicId, event)) return false;
    arrival.status = isTooLong(this.recent.payloadBytes(seq), event.payload)
      ? EventStatus.conflict
      : statusAgainst(this.recent.payload(seq), event.payload);
    arrival.seq = seq;
    arrival.firstReceivedAt = this.recent.receivedAt(seq);
    return true;
  }

  /** The event itself is not stored any more, only its id. */
  #isRemembered(i: number, seq: number, arrival: Arrival): boolean {
    const id = this.#remembered.get(seq);
    const at = i * FINGERPRINT_WORDS;
    if (id?.third !== this.#words[at + 2] || id?.fourth !== this.#words[at + 3]) return false;
    arrival.status = EventStatus.duplicate;
    arrival.seq = seq;
    arrival.firstReceivedAt = id!.receivedAt;
    return true;
  }

  /** A large row was not checked when it was read: if it is damaged, its id decides alone, as for any other. */
  #doubt(stored: StoredKey): void {
    const { payload } = this.#readPayload.get(stored.seq)!;
    if (isSound({ ...stored, payload })) return;
    this.#fetched.delete(stored.seq);
    this.#remember([stored.seq]);
  }

  #statusAgainstLarge(stored: StoredKey, payload: string): EventStatus {
    const { seq, payloadBytes } = stored;
    if (isTooLong(payloadBytes, payload)) return EventStatus.conflict;
    const first = this.#readPayload.get(seq)!.payload;
    return isSound({ ...stored, payload: first }) ? statusAgainst(first, payload) : EventStatus.duplicate;
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
      for (const row of this.#readMany.all(...wanted.slice(i, i + ROWS_PER_READ))) this.#keep(row);
    }
    for (; i < wanted.length; i++) {
      const row = this.#readOne.get(wanted[i]!);
      if (row !== null) this.#keep(row);
    }
    if (this.#fetched.size < wanted.length) this.#remember(wanted.filter((seq) => !this.#fetched.has(seq)));
  }

  #keep(row: StoredKey): void {
    if (isSound(row)) this.#fetched.set(row.seq, row);
  }

  /** @param seqs in ascending order: those of one row are read together. */
  #remember(seqs: readonly number[]): void {
    const wanted = new Set(seqs);
    let readThrough = 0;
    for (const seq of seqs) {
      if (seq <= readThrough) continue;
      const row = this.#readId.get(seq);
      if (row === null) continue;
      readThrough = row.firstSeq + row.count - 1;
      forEachId(row, (id, words, at) => {
        if (!wanted.has(id)) return;
        const [third, fourth] = [words[at + 2]!, words[at + 3]!];
        this.#remembered.set(id, { third, fourth, receivedAt: row.receivedAt });
      });
    }
  }
}

/** A row that was damaged is not compared with: its id decides alone. A large payload is judged when it is read. */
function isSound({ payload, ...row }: StoredKey): boolean {
  if (payload === null) return true;
  return isIntact(row.checksum, eventChecksum({ ...row, payload }, row.seq, row.topicId, row.receivedAt));
}

function isSameKey(a: { scope: string; eventId: string }, b: { scope: string; eventId: string }): boolean {
  return a.eventId === b.eventId && a.scope === b.scope;
}

/** Whether a stored payload is so much longer than another that they cannot be equal: then it need not be read. */
function isTooLong(storedBytes: number, payload: string): boolean {
  return storedBytes > payload.length * EQUAL_LENGTH_RATIO_MAX * UTF8_BYTES_PER_UNIT_MAX;
}

function statusAgainst(first: string, second: string): EventStatus {
  return isSamePayload(first, second) ? EventStatus.duplicate : EventStatus.conflict;
}
