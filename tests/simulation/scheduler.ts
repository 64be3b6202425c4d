/** Two threads and a clock in one: what waits to run stands in lanes, and the seed picks which lane goes on. */

import type { Random } from "./random.ts";
import { Violation } from "./violation.ts";

/** Within a lane tasks keep their order, as messages and immediates do; between lanes there is none. */
const LANES = ["edge messages", "edge tasks", "ledger messages", "ledger tasks"] as const;
export type Lane = (typeof LANES)[number];

interface Timer {
  at: number;
  readonly every: number | undefined;
  readonly task: () => void;
}

/** How often the slow lane is passed over. */
const HOLD_UP = 0.9;

/** So many tasks in a row are taken for a loop that never ends. */
const TASKS_MAX = 100_000;

export class Scheduler {
  /** Milliseconds, as of `performance.now()`. */
  now = 0;
  readonly #lanes = new Map<Lane, (() => void)[]>(LANES.map((lane) => [lane, []]));
  #timers: Timer[] = [];
  #isHalted = false;
  #violation: unknown;
  /** A lane that mostly waits for the others, so that one thread gets far ahead of the other. */
  #slow: Lane = LANES[0];
  /** Lanes whose thread stands still, in a sync that takes seconds say. */
  #held: readonly Lane[] = [];
  /** Ends the process in place of a task to come. */
  #death: { readonly lane: Lane; left: number; readonly die: () => void } | undefined;

  constructor(private readonly random: Random) {}

  add(lane: Lane, task: () => void): void {
    this.#lanes.get(lane)!.push(task);
  }

  later(delayMs: number, task: () => void): void {
    this.#timers.push({ at: this.now + delayMs, every: undefined, task });
  }

  /** Calls back at every interval, until the returned function is called. */
  every(intervalMs: number, task: () => void): () => void {
    const timer = { at: this.now + intervalMs, every: intervalMs, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  isEmpty(lane: Lane): boolean {
    return this.#lanes.get(lane)!.length === 0;
  }

  /** Runs one waiting task; false when none waits. */
  runOne(): boolean {
    if (this.#isHalted) return false;
    const waiting = LANES.filter((lane) => !this.isEmpty(lane) && !this.#held.includes(lane));
    if (waiting.length === 0) return false;
    const isHeldUp = waiting.length > 1 && this.random.chance(HOLD_UP);
    const lane = this.random.pick(isHeldUp ? waiting.filter((other) => other !== this.#slow) : waiting);
    const task = this.#lanes.get(lane)!.shift()!;
    if (this.#death?.lane === lane && this.#death.left-- <= 0) this.#death.die();
    else this.#run(lane, task);
    return true;
  }

  /** Nothing in these lanes runs until others are held. */
  hold(...lanes: readonly Lane[]): void {
    this.#held = lanes;
  }

  /** The thread of a lane throws, after so many more of its tasks. */
  dieIn(lane: Lane, skip: number, die: () => void): void {
    this.#death = { lane, left: skip, die };
  }

  /** How often the timers that repeat do, in milliseconds, in ascending order. */
  get intervals(): number[] {
    return this.#timers.flatMap(({ every }) => every ?? []).sort((a, b) => a - b);
  }

  /** Runs at most so many tasks. */
  run(tasks: number): void {
    this.#slow = this.random.pick(LANES);
    for (let i = 0; i < tasks && this.runOne(); i++);
  }

  /** Runs until nothing waits but timers. */
  settle(): void {
    for (let i = 0; this.runOne(); i++)
      if (i > TASKS_MAX) throw new Violation("the node comes to rest", `${TASKS_MAX} tasks in a row`);
  }

  /** Lets time pass: every timer that falls due fires once, as it does on a thread that was busy. */
  pass(milliseconds: number): void {
    this.now += milliseconds;
    for (const timer of this.#timers.filter(({ at }) => at <= this.now)) {
      if (this.#isHalted || !this.#timers.includes(timer)) continue;
      if (timer.every === undefined) this.#timers = this.#timers.filter((other) => other !== timer);
      else timer.at = this.now + timer.every;
      this.#run("timer", timer.task);
    }
  }

  /** The process is dead: nothing runs any more. */
  halt(): void {
    this.#isHalted = true;
  }

  /** Runs a check in the midst of a task, and ends the simulation after it when it fails. */
  guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#violation ??= error;
      this.halt();
    }
  }

  /** A new process: whatever waited in the old one never runs. */
  clear(): void {
    this.#isHalted = false;
    this.#held = [];
    this.#death = undefined;
    for (const tasks of this.#lanes.values()) tasks.length = 0;
    this.#timers = [];
  }

  #run(lane: string, task: () => void): void {
    try {
      task();
    } catch (error) {
      if (error instanceof Violation) throw error;
      throw new Violation("no thread dies of an exception", `in ${lane}: ${error}`, { cause: error });
    }
    if (this.#violation !== undefined) throw this.#violation;
  }
}
