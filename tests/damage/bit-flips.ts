/** Turns over one bit after the other, starts a node on each file, and counts what nodes made of them. */

import { writeFileSync } from "node:fs";
import type { SeededRandom } from "../support/seeded-random.ts";
import { Places } from "./places.ts";
import type { StoredData } from "./stored-data.ts";
import { judge, VERDICTS, type Verdict } from "./verdict.ts";

/** Nodes that run at once. */
const NODES = 3;

export interface Flip {
  readonly file: "onefold.db" | "onefold.db-wal";
  readonly at: number;
  readonly bit: number;
  /** Such as `counters: received`. */
  readonly place: string;
  readonly verdict: Verdict;
  readonly because: string;
}

export class BitFlips {
  readonly flips: Flip[] = [];
  readonly #bytes: Buffer;
  /** Places and their bytes: a field of a small table is hit as often as a long payload. */
  readonly #places: readonly (readonly [place: string, bytes: readonly number[]])[];

  constructor(
    private readonly stored: StoredData,
    private readonly file: Flip["file"],
    private readonly random: SeededRandom,
  ) {
    this.#bytes = file === "onefold.db" ? stored.database : stored.log;
    using copy = stored.copy();
    const places = new Places(copy.file("onefold.db"));
    const placeAt = (at: number): string =>
      file === "onefold.db" ? places.inDatabase(this.#bytes, at) : places.inLog(this.#bytes, at);
    this.#places = [...Map.groupBy(this.#bytes.keys(), placeAt)];
  }

  /** Tries so many flips, drawn. */
  async try(count: number): Promise<void> {
    let left = count;
    const tryAll = async (): Promise<void> => {
      while (left-- > 0) this.flips.push(await this.#tryNext());
    };
    await Promise.all(Array.from({ length: NODES }, tryAll));
  }

  with(...verdicts: readonly Verdict[]): Flip[] {
    return this.flips.filter(({ verdict }) => verdicts.includes(verdict));
  }

  /** How many came to what, and where those were that are not as they should be. */
  report(...bad: readonly Verdict[]): string {
    const counts = VERDICTS.map((verdict) => `${verdict} ${this.with(verdict).length}`);
    const places = Map.groupBy(this.with(...bad), ({ verdict, place }) => `  ${verdict} at ${place}`);
    const lines = [...places].map(
      ([place, flips]) => `${place}: ${flips.length}, such as ${flips[0]!.because}`,
    );
    return [`${this.flips.length} bit flips in ${this.file}: ${counts.join(", ")}`, ...lines.sort()].join(
      "\n",
    );
  }

  async #tryNext(): Promise<Flip> {
    const [place, bytes] = this.#places[this.random.below(this.#places.length)]!;
    const at = bytes[this.random.below(bytes.length)]!;
    const bit = this.random.below(8);
    using copy = this.stored.copy();
    const damaged = Buffer.from(this.#bytes);
    damaged[at]! ^= 1 << bit;
    writeFileSync(copy.file(this.file), damaged);
    return { file: this.file, at, bit, place, ...(await judge(copy.path, this.stored)) };
  }
}
