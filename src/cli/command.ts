/** What every command has, so that the command line can find it, help with it and run it. */

import type { Flags, Operand } from "../config/flags.ts";
import type { Environment } from "../config/parse-config.ts";
import type { NodeFiles } from "../threads.ts";

/** Where the parts that are not code of the main thread lie. */
export interface CommandFiles extends NodeFiles {
  readonly fileWorker: URL;
}

export interface Surroundings {
  readonly environment: Environment;
  readonly files: CommandFiles;
}

export interface Command {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly flags: Flags;
  /** What it takes beside flags. */
  readonly operand?: Operand;
  /** What its `--help` says below the flags. */
  readonly note?: string;
  /**
   * @returns the exit status, or nothing when the command goes on in the background.
   * @throws UsageError; Error with one sentence for the person who started it
   */
  readonly run: (args: readonly string[], surroundings: Surroundings) => Promise<number | undefined>;
}
