/** The checkpoint thread: copies the write-ahead log back, so that no commit has to. */

import { CHECKPOINT_POLL_MS, Checkpointer } from "../storage/sqlite/checkpointer.ts";
import { OpenFiles } from "../storage/sqlite/open-files.ts";
import type { CheckpointStart } from "./messages.ts";

declare const self: Worker;

function start({ databasePath, restartRequest }: CheckpointStart): void {
  const files = new OpenFiles(databasePath);
  let checkpointer: Checkpointer | undefined;
  const poll = (): void => {
    // Opened at the first chance, and not before there is a handle for it.
    if (checkpointer === undefined) {
      files.expectThere();
      checkpointer = new Checkpointer(databasePath, restartRequest);
      files.remember();
    }
    if (files.displaced() === undefined) checkpointer.poll();
  };
  const tryToPoll = (): void => {
    try {
      poll();
    } catch {
      // A checkpoint that fails leaves the log as it is and is tried again; commits report a failing disk themselves.
    }
  };
  tryToPoll();
  setInterval(tryToPoll, CHECKPOINT_POLL_MS);
}

self.onmessage = ({ data }: MessageEvent<CheckpointStart>) => start(data);
