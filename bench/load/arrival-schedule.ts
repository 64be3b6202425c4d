/** When the frames of an open loop are due: evenly, whatever becomes of those before. */

export class ArrivalSchedule {
  #due = 0;

  constructor(
    private readonly startAtMs: number,
    private readonly framesPerSecond: number,
    private readonly seconds: number,
  ) {}

  /** Frames in all. */
  get frames(): number {
    return Math.round(this.framesPerSecond * this.seconds);
  }

  get isOver(): boolean {
    return this.#due >= this.frames;
  }

  /** When the next frame was due, if it is by now; each frame is given out once. */
  takeDue(nowMs: number): number | undefined {
    const dueAt = this.startAtMs + (this.#due / this.framesPerSecond) * 1_000;
    if (this.isOver || dueAt > nowMs) return undefined;
    this.#due++;
    return dueAt;
  }
}
