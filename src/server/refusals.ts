/** How often each problem was answered since the start, over HTTP and in frames: plain numbers, for the metrics. */

import { PROBLEM_CODES, type Problem, type ProblemCode } from "../problem.ts";

export class RefusalCounts {
  readonly #byCode = Object.fromEntries(PROBLEM_CODES.map((code) => [code, 0])) as Record<
    ProblemCode,
    number
  >;

  count({ code }: Problem): void {
    this.#byCode[code]++;
  }

  /** Every code there is, also those that were never answered. */
  get all(): readonly (readonly [code: ProblemCode, count: number])[] {
    return PROBLEM_CODES.map((code) => [code, this.#byCode[code]]);
  }
}
