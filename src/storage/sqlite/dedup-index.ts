/**
 * Which rows may hold a dedup key: 64 bits of its fingerprint to a sequence number, in memory.
 *
 * Open addressing with linear probing over typed arrays, 12 bytes a slot. A unique index on random ids dirties a
 * random page of the file for every event; this costs one cache line of memory.
 */

/**
 * [fingerprint word 0, fingerprint word 1, value]; value 0 marks a free slot. Signed, because numbers from 2^31 on are
 * floating-point numbers to the engine, and comparing those takes twice as long.
 */
const SLOT_WORDS = 3;

const LOAD_MAX = 0.7;

export class FingerprintTable {
  #slots: Int32Array;
  #mask: number;
  #size = 0;
  #sizeMax: number;
  /** Where the search that `first` began stands, for `next`. */
  #probe = 0;
  #low = 0;
  #high = 0;

  /** @param capacity slots to begin with; a power of two. */
  constructor(capacity: number) {
    this.#slots = new Int32Array(capacity * SLOT_WORDS);
    this.#mask = capacity - 1;
    this.#sizeMax = sizeMaxOf(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** The first value stored under a fingerprint, or 0. */
  first(low: number, high: number): number {
    this.#low = low | 0;
    this.#high = high | 0;
    this.#probe = low & this.#mask;
    return this.next();
  }

  /** The next value under the same fingerprint, or 0. Two keys in 2^64 share one; both must be looked at. */
  next(): number {
    const slots = this.#slots;
    for (let slot = this.#probe; ; slot = (slot + 1) & this.#mask) {
      const at = slot * SLOT_WORDS;
      const value = slots[at + 2]!;
      if (value !== 0 && (slots[at] !== this.#low || slots[at + 1] !== this.#high)) continue;
      this.#probe = value === 0 ? slot : (slot + 1) & this.#mask;
      return value >>> 0;
    }
  }

  /** @param value at least 1. */
  insert(low: number, high: number, value: number): void {
    if (this.#size === this.#sizeMax) this.#grow();
    this.#place(low | 0, high | 0, value | 0);
    this.#size++;
  }

  /** Inserts entries of three words each, as the slots hold them. */
  insertAll(entries: Int32Array): void {
    const count = entries.length / SLOT_WORDS;
    while (this.#size + count > this.#sizeMax) this.#grow();
    for (let at = 0; at < entries.length; at += SLOT_WORDS)
      this.#place(entries[at]!, entries[at + 1]!, entries[at + 2]!);
    this.#size += count;
  }

  /** Takes out one entry; false when there is none. Those behind it move up, so that every search still ends right. */
  remove(low: number, high: number, value: number): boolean {
    const slots = this.#slots;
    let slot = low & this.#mask;
    for (;;) {
      const at = slot * SLOT_WORDS;
      if (slots[at + 2] === 0) return false;
      if (slots[at] === (low | 0) && slots[at + 1] === (high | 0) && slots[at + 2] === (value | 0)) break;
      slot = (slot + 1) & this.#mask;
    }
    this.#closeGap(slot);
    this.#size--;
    return true;
  }

  clear(): void {
    if (this.#size > 0) this.#slots.fill(0);
    this.#size = 0;
  }

  /** Backward shift deletion (D. E. Knuth, The Art of Computer Programming 3, 6.4, algorithm R). */
  #closeGap(gap: number): void {
    const slots = this.#slots;
    let free = gap;
    for (let slot = (gap + 1) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * SLOT_WORDS;
      if (slots[at + 2] === 0) break;
      const home = slots[at]! & this.#mask;
      // An entry may move up only as far as its home: cyclic distances say whether the gap lies before that.
      if (((slot - home) & this.#mask) < ((slot - free) & this.#mask)) continue;
      slots.copyWithin(free * SLOT_WORDS, at, at + SLOT_WORDS);
      free = slot;
    }
    slots[free * SLOT_WORDS + 2] = 0;
  }

  #place(low: number, high: number, value: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = low & mask;
    while (slots[slot * SLOT_WORDS + 2] !== 0) slot = (slot + 1) & mask;
    const at = slot * SLOT_WORDS;
    slots[at] = low;
    slots[at + 1] = high;
    slots[at + 2] = value;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    this.#sizeMax = sizeMaxOf(this.#mask + 1);
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      if (old[at + 2] !== 0) this.#place(old[at]!, old[at + 1]!, old[at + 2]!);
    }
  }
}

/** Entries that a table of this capacity may hold. */
function sizeMaxOf(capacity: number): number {
  return Math.floor(capacity * LOAD_MAX);
}

/** Shards grow one by one, so that no commit waits for the whole index to be rehashed. */
const SHARDS = 1_024;
const SHARD_BITS = 10;
const SHARD_CAPACITY_MIN = 16;

/** Sequence numbers that ids may be remembered over at a time; a slot holds the remainder, and 0 marks a free one. */
export const REMEMBERED_SPAN_MAX = 0xffff_ffff;

export class DedupIndex {
  readonly #shards: FingerprintTable[];
  #newest = 0;

  /** @param expectedEvents sizes the shards, so that a rebuild never rehashes. */
  constructor(expectedEvents: number) {
    const perShard = (expectedEvents / SHARDS) * 1.1;
    let capacity = SHARD_CAPACITY_MIN;
    while (capacity * LOAD_MAX < perShard) capacity *= 2;
    this.#shards = Array.from({ length: SHARDS }, () => new FingerprintTable(capacity));
  }

  /** The sequence numbers under a fingerprint, the first or the next one; 0 when there is none. */
  first(low: number, high: number): number {
    return this.#seqOf(this.#shard(high).first(low, high));
  }

  /** @param high of the fingerprint that `first` was asked for. */
  next(high: number): number {
    return this.#seqOf(this.#shard(high).next());
  }

  /** @param seq greater than any before it. */
  insert(low: number, high: number, seq: number): void {
    this.#newest = seq;
    this.#shard(high).insert(low, high, slotValue(seq));
  }

  /**
   * Inserts entries of three words each, as the slots hold them, sorted by shard.
   *
   * @param ends where in the entries each shard's end, counted in entries.
   * @param newest the greatest `seq` among them, greater than any before.
   */
  insertAll(entries: Int32Array, ends: Uint32Array, newest: number): void {
    this.#newest = newest;
    let start = 0;
    for (const [i, shard] of this.#shards.entries()) {
      const end = ends[i]!;
      if (end > start) shard.insertAll(entries.subarray(start * SLOT_WORDS, end * SLOT_WORDS));
      start = end;
    }
  }

  remove(low: number, high: number, seq: number): void {
    this.#shard(high).remove(low, high, slotValue(seq));
  }

  get size(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.size, 0);
  }

  /** The shard that holds a fingerprint: chosen by its high word, probed by its low one. */
  #shard(high: number): FingerprintTable {
    return this.#shards[shardOf(high)]!;
  }

  /** Of the numbers with this remainder the one that is not newer than the newest, and less than the span behind it. */
  #seqOf(value: number): number {
    if (value === 0) return 0;
    const distance = slotValue(this.#newest) - value;
    return this.#newest - (distance < 0 ? distance + REMEMBERED_SPAN_MAX : distance);
  }
}

function shardOf(high: number): number {
  return high >>> (32 - SHARD_BITS);
}

function slotValue(seq: number): number {
  return seq <= REMEMBERED_SPAN_MAX ? seq : ((seq - 1) % REMEMBERED_SPAN_MAX) + 1;
}

/** Entries that are sorted together: the more, the more of them go to each shard; 6 MiB, twice. */
const REBUILD_ENTRIES = 2 ** 19;

/**
 * Fills an index from a file. Inserting in the order of the file misses the processor's caches with every entry, and
 * takes three times as long as sorting some hundred thousand entries by shard before and filling one shard at a time.
 */
export class IndexRebuild {
  readonly #index: DedupIndex;
  readonly #entries = new Int32Array(REBUILD_ENTRIES * SLOT_WORDS);
  readonly #sorted = new Int32Array(REBUILD_ENTRIES * SLOT_WORDS);
  #words = 0;
  #newest = 0;

  constructor(index: DedupIndex) {
    this.#index = index;
  }

  /** @param seq greater than any before it. */
  add(low: number, high: number, seq: number): void {
    const at = this.#words;
    const entries = this.#entries;
    entries[at] = low;
    entries[at + 1] = high;
    entries[at + 2] = slotValue(seq);
    this.#words = at + SLOT_WORDS;
    this.#newest = seq;
    if (this.#words === entries.length) this.finish();
  }

  /** Inserts what has been added since the last time. */
  finish(): void {
    if (this.#words === 0) return;
    const ends = this.#sort();
    this.#index.insertAll(this.#sorted, ends, this.#newest);
    this.#words = 0;
  }

  /** Counting sort by shard, from `entries` to `sorted`. @returns where each shard's entries end. */
  #sort(): Uint32Array {
    const [entries, sorted, words] = [this.#entries, this.#sorted, this.#words];
    // One further, so that placing the entries moves each shard's start to its end.
    const places = new Uint32Array(SHARDS + 1);
    for (let at = 1; at < words; at += SLOT_WORDS) places[shardOf(entries[at]!) + 1]!++;
    for (let shard = 1; shard <= SHARDS; shard++) places[shard]! += places[shard - 1]!;
    for (let at = 0; at < words; at += SLOT_WORDS) {
      const high = entries[at + 1]!;
      const place = places[shardOf(high)]!++ * SLOT_WORDS;
      sorted[place] = entries[at]!;
      sorted[place + 1] = high;
      sorted[place + 2] = entries[at + 2]!;
    }
    return places;
  }
}
