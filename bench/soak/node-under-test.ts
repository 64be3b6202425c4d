/** The executable as a soak runs it: what it says on stderr is kept, and everything about it is seen from outside. */

import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { withDeadline } from "../../tests/support/deadline.ts";
import { keepChild } from "../leftovers.ts";
import { EXECUTABLE } from "../onefold-node.ts";
import { cpuSecondsOf } from "../process-usage.ts";

/** Rebuilding the index of a long run takes its time. */
const START_MS_MAX = 180_000;

export interface ProcessState {
  readonly residentBytes: number;
  readonly residentPeakBytes: number;
  /** Of the resident memory what is backed by no file. */
  readonly anonymousBytes: number;
  readonly threads: number;
  readonly handles: number;
  /** Of the handles. */
  readonly sockets: number;
  readonly cpuSeconds: number;
  readonly walBytes: number;
  readonly databaseBytes: number;
}

export class NodeUnderTest {
  url = "";
  stderr = "";
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #folder: string;

  private constructor(folder: string, flags: readonly string[]) {
    this.#folder = folder;
    this.#process = Bun.spawn([EXECUTABLE, "serve", "--port", "0", "--data", folder, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    keepChild(this.#process);
  }

  /** Resolves when it takes publishes. */
  static async start(folder: string, flags: readonly string[]): Promise<NodeUnderTest> {
    const node = new NodeUnderTest(folder, flags);
    void node.#keepStderr();
    const ready = Promise.race([node.#untilReady(), node.#process.exited.then(() => false)]);
    const isReady = await withDeadline(ready, () => `the node to be ready: ${node.stderr}`, START_MS_MAX);
    if (!isReady) throw new Error(`the node did not start: ${node.stderr}`);
    return node;
  }

  get exited(): Promise<number> {
    return this.#process.exited;
  }

  signal(name: "SIGTERM" | "SIGKILL"): void {
    this.#process.kill(name);
  }

  state(): ProcessState {
    const { pid } = this.#process;
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
    const handles = readdirSync(`/proc/${pid}/fd`);
    return {
      residentBytes: field("VmRSS") * 1_024,
      residentPeakBytes: field("VmHWM") * 1_024,
      anonymousBytes: field("RssAnon") * 1_024,
      threads: field("Threads"),
      handles: handles.length,
      sockets: handles.filter((handle) => isSocket(`/proc/${pid}/fd/${handle}`)).length,
      cpuSeconds: cpuSecondsOf(pid),
      walBytes: bytesOf(join(this.#folder, "onefold.db-wal")),
      databaseBytes: bytesOf(join(this.#folder, "onefold.db")),
    };
  }

  async #untilReady(): Promise<boolean> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.#process.stdout) {
      text += decoder.decode(chunk, { stream: true });
      const address = /is ready on (http:\/\/\S+)/.exec(text)?.[1];
      if (address === undefined) continue;
      this.url = address;
      return true;
    }
    return false;
  }

  async #keepStderr(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stderr) this.stderr += decoder.decode(chunk, { stream: true });
  }
}

/** A handle may be gone by the time it is looked at. */
function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    return false;
  }
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
