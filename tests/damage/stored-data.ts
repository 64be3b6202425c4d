/** A data folder with something of everything in it, and what a node serves of it while it is whole. */

import { copyFileSync, cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { NodeProcess } from "../support/node-process.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { type KeyedRequest, type Served, serve, timelessStats } from "./served.ts";

const COMMITS = 24;

/** Commits up to here are in the database file, the rest in its log. */
const COMMITS_COPIED_BACK = 12;

const TOPICS = 5;
const LARGE_TEXT = 9_000;

interface Sent {
  readonly topic: string;
  readonly event_id: string;
  readonly timestamp: string;
  readonly source: string;
  readonly payload: unknown;
}

export class StoredData implements Disposable {
  readonly #folder = new TempFolder();
  /** What was stored first under its key. */
  readonly events: Sent[] = [];
  /** What was sent, with keys. */
  readonly requests: KeyedRequest[] = [];
  /** The statistics before and after each commit of the log, and how many events there were. */
  readonly earlier: { readonly stats: string; readonly events: number }[] = [];
  served: Served = new Map();

  /** @param isInLog whether the later commits stay in the log, as after a crash, or are copied back by a stop. */
  static async make({ isInLog, name = "a" }: { isInLog: boolean; name?: string }): Promise<StoredData> {
    const data = new StoredData();
    await data.#run(async (node) => {
      for (let commit = 0; commit < COMMITS_COPIED_BACK; commit++) await data.#publish(node, name, commit);
      await node.stop();
    });
    await data.#run(async (node) => {
      await data.#remember(node);
      for (let commit = COMMITS_COPIED_BACK; commit < COMMITS; commit++) {
        await data.#publish(node, name, commit);
        await data.#remember(node);
      }
      await (isInLog ? node.kill9() : node.stop());
    });
    using copy = data.copy();
    await using node = await NodeProcess.start({ data: copy.path });
    data.served = await serve(node, data);
    return data;
  }

  get database(): Buffer {
    return readFileSync(this.#folder.file("onefold.db"));
  }

  get databasePath(): string {
    return this.#folder.file("onefold.db");
  }

  get log(): Buffer {
    return readFileSync(this.#folder.file("onefold.db-wal"));
  }

  /** A folder of its own with the same files in it. */
  copy(): TempFolder {
    const copy = new TempFolder();
    cpSync(this.#folder.path, copy.path, { recursive: true });
    return copy;
  }

  /** Puts this folder's log beside the database of another. */
  lendLog(to: TempFolder): void {
    rmSync(to.file("onefold.db-shm"), { force: true });
    copyFileSync(this.#folder.file("onefold.db-wal"), to.file("onefold.db-wal"));
  }

  hasLog(): boolean {
    return existsSync(this.#folder.file("onefold.db-wal"));
  }

  async #run(use: (node: NodeProcess) => Promise<unknown>): Promise<void> {
    await using node = await NodeProcess.start({ data: this.#folder.path });
    await use(node);
  }

  async #remember(node: NodeProcess): Promise<void> {
    const stats = timelessStats(await node.getText("/stats"));
    this.earlier.push({ stats, events: this.events.length });
  }

  /** New events, an earlier one again, and one that conflicts. */
  async #publish(node: NodeProcess, name: string, commit: number): Promise<void> {
    const fresh = Array.from({ length: 1 + (commit % 6) }, (_, i): Sent => {
      const n = this.events.length + i;
      const text = n % 16 === 15 ? "long ".repeat(LARGE_TEXT / 5) : `payload ${n} of ${name}`;
      return {
        topic: `${name}.${n % TOPICS}`,
        event_id: `event-${n}`,
        timestamp: new Date(1_700_000_000_000 + n * 1_000).toISOString(),
        source: `source-${n % 3}`,
        payload: { n, text },
      };
    });
    const first = this.events[commit];
    const arrivals = first === undefined ? [] : [first, { ...first, payload: `conflict ${commit}` }];
    const request = { key: `${name}-${commit}`, body: JSON.stringify([...fresh, ...arrivals]) };
    const { status } = await node.post(request.body, { headers: { "idempotency-key": request.key } });
    if (status !== 200) throw new Error(`Expected a publish to be taken, got ${status}`);
    this.events.push(...fresh);
    this.requests.push(request);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
