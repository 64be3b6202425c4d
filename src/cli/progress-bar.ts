/** A progress bar for a terminal: one line on standard error, drawn again in place, gone when it is done. */

import type { Progress } from "../progress.ts";

const WIDTH = 30;

/** Drawn at most so often: nobody reads faster, and the terminal costs time. */
const REDRAW_MS = 50;

/** Before so much time has passed nothing is said of what is left: it would be a guess. */
const ESTIMATE_AFTER_MS = 1_000;

export class ProgressBar {
  #drawnAt = Number.NEGATIVE_INFINITY;
  /** What is being counted, and since when. */
  #unit = "";
  #startedAt = 0;

  constructor(private readonly terminal: NodeJS.WriteStream) {}

  /** One for people; none where nobody looks, or the output is for a program. */
  static onTerminal({ json }: { readonly json: boolean }): ProgressBar | undefined {
    return process.stderr.isTTY && !json ? new ProgressBar(process.stderr) : undefined;
  }

  readonly show = ({ done, total, unit }: Progress): void => {
    const now = performance.now();
    if (unit !== this.#unit) {
      this.#unit = unit;
      this.#startedAt = now;
    } else if (now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    const share = Math.min(done / Math.max(total, 1), 1);
    const filled = Math.round(share * WIDTH);
    const percent = `${Math.floor(share * 100)}`.padStart(3);
    const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
    const times = timesOf(now - this.#startedAt, share);
    this.terminal.write(`\r${bar} ${percent} %  ${done} ${unit}${times}\x1b[K`);
  };

  clear(): void {
    this.terminal.write("\r\x1b[2K");
  }
}

function timesOf(elapsedMs: number, share: number): string {
  if (elapsedMs < ESTIMATE_AFTER_MS) return "";
  const elapsed = `${Math.round(elapsedMs / 1_000)} s`;
  if (share === 0) return `  ${elapsed}`;
  return `  ${elapsed}, ${Math.round((elapsedMs / share - elapsedMs) / 1_000)} s left`;
}
