/** A progress bar for a terminal: one line on standard error, drawn again in place, gone when it is done. */

const WIDTH = 40;

/** Drawn at most so often: nobody reads faster, and the terminal costs time. */
const REDRAW_MS = 50;

export class ProgressBar {
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly total: number,
    private readonly terminal: NodeJS.WriteStream,
  ) {}

  readonly show = (done: number): void => {
    if (performance.now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = performance.now();
    const filled = Math.round((done / this.total) * WIDTH);
    const percent = `${Math.floor((done / this.total) * 100)}`.padStart(3);
    this.terminal.write(`\r${"█".repeat(filled)}${"░".repeat(WIDTH - filled)} ${percent} %  ${done} events`);
  };

  clear(): void {
    this.terminal.write("\r\x1b[2K");
  }
}
