/** Walks all events once, beside their ids and lists, and sums what counters and facts have to agree with. */

import type { Database } from "bun:sqlite";
import { FINGERPRINT_WORDS, Fingerprinter } from "../../../events/fingerprint.ts";
import type { OnProgress } from "../../../progress.ts";
import { eventChecksum, isAllText } from "../checksums.ts";
import type { StoredEvent } from "../event-json.ts";
import { countIds } from "../remembered-ids.ts";
import { STORED_BYTES } from "../stored-bytes.ts";
import type { ChecksumTally } from "./checksum-tally.ts";
import type { FileFacts } from "./file-facts.ts";
import { IdCursor } from "./id-cursor.ts";
import { KeyAudit } from "./key-audit.ts";
import { ListAudit } from "./list-audit.ts";
import { readableRows } from "./readable-rows.ts";
import { RunOfEvents } from "./run-of-events.ts";
import type { Differences } from "./verification-report.ts";

interface EventRow extends Omit<StoredEvent, "topic"> {
  readonly bytes: number;
}

/** What is stored of a topic. */
export interface TopicSums {
  events: number;
  bytes: number;
  /** Milliseconds since 1970 of its first and its last event. */
  firstAt: number;
  lastAt: number;
}

export interface EventAuditOptions {
  readonly db: Database;
  readonly facts: FileFacts;
  readonly tally: ChecksumTally;
  readonly differences: Differences;
  readonly onProgress: OnProgress;
}

/** Events between two reports of progress. */
const EVENTS_PER_REPORT = 4_096;

const COLUMNS = `seq, topic_id AS topicId, scope, event_id AS eventId, timestamp, source, payload, attributes,
  received_at AS receivedAt, checksum, ${STORED_BYTES} AS bytes`;

export class EventAudit {
  readonly sums = new Map<number, TopicSums>();
  events = 0;
  readonly ids: IdCursor;
  readonly lists: ListAudit;
  readonly #options: EventAuditOptions;
  readonly #keys: KeyAudit;
  readonly #fingerprinter: Fingerprinter | undefined;
  readonly #words = new Uint32Array(FINGERPRINT_WORDS);
  readonly #withoutId: RunOfEvents;
  readonly #wrongId: RunOfEvents;
  readonly #missing: RunOfEvents;
  #lastSeq = 0;
  #lastAt = 0;

  constructor(options: EventAuditOptions) {
    const { db, facts, tally, differences } = options;
    this.#options = options;
    this.#keys = new KeyAudit(db, idsIn(db), differences);
    this.#fingerprinter = facts.fingerprintKey && new Fingerprinter(facts.fingerprintKey);
    const onOutlived = (seq: number, words: Uint32Array, at: number): void =>
      this.#keys.see(words, at, seq, undefined);
    this.ids = new IdCursor({ db, facts, tally, differences, onOutlived });
    this.lists = new ListAudit(db, facts, tally, differences);
    this.#withoutId = new RunOfEvents(differences, "ids", "no fingerprint");
    this.#wrongId = new RunOfEvents(differences, "ids", "a fingerprint that is not that of its key");
    this.#missing = new RunOfEvents(differences, "events", "no row, and retention has not removed it");
  }

  run(): void {
    const { db, facts, differences, onProgress } = this.#options;
    const table = {
      sql: `SELECT ${COLUMNS} FROM events WHERE seq > ? ORDER BY seq`,
      name: "Events",
      check: "events" as const,
      keyMax: facts.newestSeq,
    };
    const pruned = [...facts.topics.values()].reduce((sum, topic) => sum + topic.pruned, 0);
    const total = facts.newestSeq - pruned;
    for (const row of readableRows<EventRow>(db, table, ({ seq }) => seq, differences)) {
      this.#see(row);
      if (this.events % EVENTS_PER_REPORT === 0) onProgress({ done: this.events, total, unit: "events" });
    }
    this.#expectPresent(facts.newestSeq + 1);
    for (const run of [this.#withoutId, this.#wrongId, this.#missing]) run.finish();
    this.ids.finish();
    this.lists.finish();
    if (this.#lastSeq > facts.newestSeq)
      differences.add("events", `Events end at ${this.#lastSeq}, counters at ${facts.newestSeq}.`);
    const absent = facts.newestSeq - this.events;
    if (absent !== pruned)
      differences.add(
        "events",
        `Of ${facts.newestSeq} numbers ${absent} have no event, but ${pruned} are pruned.`,
      );
  }

  #see(row: EventRow): void {
    const { tally, differences, facts } = this.#options;
    const { seq, topicId, receivedAt } = row;
    this.events++;
    this.#expectPresent(seq);
    tally.see(row.checksum, eventChecksum(row, seq, topicId, receivedAt), () => `Event ${seq}`);
    if (!isAllText(row)) differences.add("events", `A text of event ${seq} is not stored as text.`);
    if (!isJson(row.payload)) differences.add("events", `The payload of event ${seq} is not JSON.`);
    if (row.attributes !== null && !isJson(row.attributes))
      differences.add("events", `The attributes of event ${seq} are not JSON.`);
    if (receivedAt < this.#lastAt)
      differences.add("events", `Event ${seq} was received before the one in front of it.`);
    const topic = facts.topics.get(topicId);
    if (topic === undefined)
      differences.add("events", `Event ${seq} is of topic ${topicId}, which has no counters.`);
    else if (seq <= topic.prunedThrough)
      differences.add(
        "events",
        `Event ${seq} is there, but its topic is pruned through ${topic.prunedThrough}.`,
      );
    this.#lastSeq = seq;
    this.#lastAt = receivedAt;
    this.#sum(row);
    this.#checkId(row);
    this.lists.see(seq, topicId);
  }

  /** Up to where every topic is pruned somewhere, any event may be gone; beyond, each one must be there. */
  #expectPresent(seq: number): void {
    const first = Math.max(this.#lastSeq, this.#options.facts.prunedThrough) + 1;
    if (seq > first) this.#missing.add(first, seq - 1);
  }

  #sum({ topicId, bytes, receivedAt }: EventRow): void {
    const sums = this.sums.get(topicId);
    if (sums === undefined) {
      this.sums.set(topicId, { events: 1, bytes, firstAt: receivedAt, lastAt: receivedAt });
      return;
    }
    sums.events++;
    sums.bytes += bytes;
    sums.lastAt = Math.max(sums.lastAt, receivedAt);
  }

  #checkId(row: EventRow): void {
    const { seq, topicId, scope, eventId, receivedAt } = row;
    const stored = this.ids.moveTo(seq);
    if (stored === undefined) this.#withoutId.add(seq, seq);
    const words = this.#words;
    if (this.#fingerprinter === undefined) return;
    this.#fingerprinter.write(topicId, scope, eventId, words, 0);
    this.#keys.see(words, 0, seq, row);
    if (stored === undefined) return;
    const ids = this.ids.words;
    for (let word = 0; word < FINGERPRINT_WORDS; word++) {
      if (ids[stored + word] === words[word]) continue;
      this.#wrongId.add(seq, seq);
      break;
    }
    if (receivedAt > this.ids.receivedAt)
      this.#options.differences.add(
        "ids",
        `Event ${seq} was received after the commit that its fingerprint is of.`,
      );
  }
}

/** Counters may be wrong, and a wrong number would size the index beyond all memory. */
function idsIn(db: Database): number {
  try {
    return countIds(db);
  } catch {
    // Damaged pages are told of when the rows are read.
    return 0;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
