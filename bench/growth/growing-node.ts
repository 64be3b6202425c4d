/** A node that is started over the same folder again and again, and what it takes up there and in memory. */

import { statSync } from "node:fs";
import { join } from "node:path";
import { removeFolder } from "../leftovers.ts";
import { makeDataFolder } from "../onefold-node.ts";
import { cpuSecondsOf, residentBytesOf } from "../process-usage.ts";
import { startTimed, type TimedStart } from "../timed-start.ts";

const START_TIMEOUT_MS = 300_000;

/** How often the log is looked at: it only reaches its full length for moments. */
const LOG_POLL_MS = 10;

export class GrowingNode {
  readonly #folder = makeDataFolder();
  #running: TimedStart | undefined;
  #logBytesMax = 0;
  readonly #logPoll = setInterval(() => this.#lookAtLog(), LOG_POLL_MS);

  /** @param restMs How long a node that has just started is left alone, before anybody looks at its memory. */
  constructor(private readonly restMs: number) {}

  /** @returns milliseconds until it was healthy. */
  async start(): Promise<number> {
    this.#running = await startTimed(this.#folder, START_TIMEOUT_MS);
    await Bun.sleep(this.restMs);
    return this.#running.healthyAfterMs;
  }

  /** @returns milliseconds until it was gone. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number> {
    const startedAt = performance.now();
    const node = this.#node.process;
    node.kill(signal);
    const code = await node.exited;
    if (signal === "SIGTERM" && code !== 0) throw new Error(`the node ended with ${code}`);
    return performance.now() - startedAt;
  }

  /** The next start reads its file from the disk, as after a reboot. */
  forgetCachedFile(): void {
    const { success } = Bun.spawnSync(["dd", `if=${this.#file("")}`, "iflag=nocache", "count=0"], {
      stderr: "ignore",
    });
    if (!success) throw new Error("dd could not take the file out of the page cache");
  }

  get url(): string {
    return this.#node.url;
  }

  get cpuSeconds(): number {
    return cpuSecondsOf(this.#node.process.pid);
  }

  get residentBytes(): number {
    return residentBytesOf(this.#node.process.pid);
  }

  get databaseBytes(): number {
    return statSync(this.#file("")).size;
  }

  /** The most that was seen since this was asked for last. */
  takeLogBytesMax(): number {
    this.#lookAtLog();
    const max = this.#logBytesMax;
    this.#logBytesMax = 0;
    return max;
  }

  async remove(): Promise<void> {
    clearInterval(this.#logPoll);
    if (this.#running !== undefined) await this.end("SIGKILL");
    removeFolder(this.#folder);
  }

  get #node(): TimedStart {
    if (this.#running === undefined) throw new Error("the node has not been started");
    return this.#running;
  }

  #lookAtLog(): void {
    const bytes = statSync(this.#file("-wal"), { throwIfNoEntry: false })?.size ?? 0;
    this.#logBytesMax = Math.max(this.#logBytesMax, bytes);
  }

  #file(suffix: string): string {
    return join(this.#folder, `onefold.db${suffix}`);
  }
}
