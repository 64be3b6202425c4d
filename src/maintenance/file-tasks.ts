/** What takes long on a file is done on a thread of its own: so the bar moves, and Ctrl-C is heard at once. */

import { statSync } from "node:fs";
import type { OnProgress, Progress } from "../progress.ts";
import { copySnapshot } from "../storage/sqlite/snapshot-copy.ts";
import { NotVerifiableError, OlderSchemaError } from "../storage/sqlite/verification/pages.ts";
import { verifyFile } from "../storage/sqlite/verification/verification.ts";
import type { VerificationReport } from "../storage/sqlite/verification/verification-report.ts";

export { NotVerifiableError, type VerificationReport };

export type FileTask =
  | { readonly kind: "verify"; readonly path: string }
  | { readonly kind: "copy"; readonly from: string; readonly to: string };

export type FromFileThread =
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "verified"; readonly report: VerificationReport }
  | { readonly kind: "copied" }
  | { readonly kind: "refused"; readonly isOlder: boolean; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** On the thread: does a task. @returns its last message. */
export function doFileTask(task: FileTask, post: (message: FromFileThread) => void): FromFileThread {
  const onProgress: OnProgress = (progress) => post({ kind: "progress", progress });
  try {
    if (task.kind === "verify") return { kind: "verified", report: verifyFile(task.path, onProgress) };
    copySnapshot(task.from, task.to, (bytes) => onProgress({ done: 0, total: bytes, unit: "bytes" }));
    return { kind: "copied" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof NotVerifiableError)
      return { kind: "refused", isOlder: error instanceof OlderSchemaError, reason };
    return { kind: "failed", reason };
  }
}

const MEGABYTE = 1_000_000;

/** How often the size of a copy is looked at. */
const SIZE_POLL_MS = 100;

export class FileThread implements Disposable {
  readonly #worker: Worker;

  constructor(workerFile: URL) {
    this.#worker = new Worker(workerFile.href, { name: "file" });
  }

  /** @throws NotVerifiableError; Error when the thread died */
  async verify(path: string, onProgress: OnProgress): Promise<VerificationReport> {
    const answer = await this.#do({ kind: "verify", path }, onProgress);
    return (answer as FromFileThread & { kind: "verified" }).report;
  }

  /** @throws Error with SQLite's reason */
  async copy(from: string, to: string, onProgress: OnProgress): Promise<void> {
    let bytes = 0;
    const timer = setInterval(() => {
      const size = statSync(to, { throwIfNoEntry: false })?.size ?? 0;
      onProgress({ done: Math.floor(size / MEGABYTE), total: Math.ceil(bytes / MEGABYTE), unit: "MB" });
    }, SIZE_POLL_MS);
    try {
      await this.#do({ kind: "copy", from, to }, ({ total }) => {
        bytes = total;
      });
    } finally {
      clearInterval(timer);
    }
  }

  #do(task: FileTask, onProgress: OnProgress): Promise<FromFileThread> {
    const { promise, resolve, reject } = Promise.withResolvers<FromFileThread>();
    this.#worker.onmessage = ({ data }: MessageEvent<FromFileThread>) => {
      if (data.kind === "progress") onProgress(data.progress);
      else if (data.kind === "failed") reject(new Error(data.reason));
      else if (data.kind === "refused")
        reject(data.isOlder ? new OlderSchemaError(data.reason) : new NotVerifiableError(data.reason));
      else resolve(data);
    };
    this.#worker.onerror = ({ message }) => reject(new Error(message));
    this.#worker.postMessage(task);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
