/** When each token was used last: kept in memory, and written to a file of its own behind every request's back. */

import { open, readFile, rename } from "node:fs/promises";

/** Beside the tokens: the command line writes those, the node this. */
export const TOKEN_USE_FILE = "onefold.tokens.used.json";

/** What a crash may forget. */
export const USE_INTERVAL_MS = 5_000;

const FILE_MODE = 0o600;

export interface UseSurroundings {
  readonly every: (intervalMs: number, tick: () => void) => () => void;
  readonly log: (line: string) => void;
}

export class TokenUse {
  #used: Map<string, number>;
  #isDirty = false;
  #isFailing = false;
  #write: Promise<void> | undefined;
  readonly #stopWriting: () => void;

  private constructor(
    private readonly path: string,
    used: ReadonlyMap<string, number>,
    private readonly surroundings: UseSurroundings,
  ) {
    this.#used = new Map(used);
    this.#stopWriting = surroundings.every(USE_INTERVAL_MS, () => void this.save());
  }

  /** A file that cannot be read is begun anew: nobody is let in or kept out by it. */
  static async open(path: string, surroundings: UseSurroundings): Promise<TokenUse> {
    return new TokenUse(path, usedIn(await readFile(path, "utf8").catch(() => "")), surroundings);
  }

  /** Remembers it; the disk hears of it later. */
  note(id: string, now: number): void {
    this.#used.set(id, now);
    this.#isDirty = true;
  }

  /** Forgets the tokens that are gone. */
  keep(isKept: (id: string) => boolean): void {
    this.#used = new Map([...this.#used].filter(([id]) => isKept(id)));
  }

  /** Never rejects. While one save hangs on its disk there is no second one. */
  save(): Promise<void> {
    if (this.#isDirty && this.#write === undefined) {
      this.#isDirty = false;
      this.#write = this.#replaceFile().finally(() => {
        this.#write = undefined;
      });
    }
    return this.#write ?? Promise.resolve();
  }

  /** Saves what is left. A disk that hangs never lets it end: whoever waits gives it a time of their own. */
  async close(): Promise<void> {
    this.#stopWriting();
    await this.save();
    await this.save();
  }

  async #replaceFile(): Promise<void> {
    const unfinished = `${this.path}.new`;
    try {
      const file = await open(unfinished, "w", FILE_MODE);
      try {
        await file.writeFile(usedText(this.#used));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, this.path);
      this.#isFailing = false;
    } catch (error) {
      this.#isDirty = true;
      if (!this.#isFailing)
        this.surroundings.log(`when tokens were used last cannot be written (${(error as Error).message})`);
      this.#isFailing = true;
    }
  }
}

/** By id, in milliseconds since 1970; empty where the text is not what a node has written. */
export function usedIn(text: string): ReadonlyMap<string, number> {
  const used = new Map<string, number>();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return used;
  }
  for (const [id, time] of Object.entries((value as { used?: object } | null)?.used ?? {})) {
    const ms = Date.parse(String(time));
    if (!Number.isNaN(ms)) used.set(id, ms);
  }
  return used;
}

function usedText(used: ReadonlyMap<string, number>): string {
  const entries = [...used].map(([id, ms]) => [id, new Date(ms).toISOString()]);
  return `${JSON.stringify({ used: Object.fromEntries(entries) }, null, 2)}\n`;
}
