/** Targets of a node that holds more and more: steady, small, and soon back. */

import { eventsOf, type GrowthRow } from "../growth/growth.ts";
import { WAL_BYTES_MAX } from "../soak/verdicts.ts";
import { thousands } from "../table.ts";
import type { Measured, Target } from "./target.ts";

type StepRow = GrowthRow & Required<Pick<GrowthRow, "step">>;

const TWENTY_MILLION = 20_000_000;

export const GROWING_TARGETS: readonly Target[] = [
  {
    name: "worst commit while the node grows",
    unit: "ms",
    bound: { max: 25 },
    figure: (measured) => highest(stepsOf(measured).map(({ step }) => step.worstGapMs)),
    detail: storedIn,
  },
  {
    name: "events/s of the 20th million ÷ the first",
    unit: "ratio",
    bound: { min: 0.9 },
    figure: (measured) => {
      const steps = stepsOf(measured);
      return steps.length < 2 ? undefined : twentiethOrLast(steps)!.step.ofFirst;
    },
    detail: (measured) => {
      const [first, second] = stepsOf(measured);
      const row = twentiethOrLast(stepsOf(measured));
      if (first === undefined || second === undefined || row === undefined) return undefined;
      const eventsPerStep = first.step.events;
      return `events ${thousands(row.step.events - eventsPerStep + 1)} to ${thousands(row.step.events)}`;
    },
    isOfLess: holdsLessThan(TWENTY_MILLION),
  },
  {
    name: "restart with 10 million events, the slowest way",
    unit: "s",
    bound: { max: 3 },
    figure: ({ growth }) => {
      const slowest = highest(growth.flatMap(({ restart }) => restart?.healthyAfterMs ?? []));
      return slowest === undefined ? undefined : slowest / 1_000;
    },
    detail: storedIn,
    isOfLess: holdsLessThan(10_000_000),
  },
  {
    name: "resident memory an event stored",
    unit: "bytes",
    bound: { max: 45 },
    figure: (measured) => stepsOf(measured).at(-1)?.residentBytesPerEvent,
    detail: storedIn,
  },
  {
    name: "the largest write-ahead log under constant writing (the soak's bound)",
    unit: "MB",
    bound: { max: WAL_BYTES_MAX / 1e6 },
    figure: (measured) => highest(stepsOf(measured).map(({ step }) => step.logBytesMax / 1e6)),
    detail: storedIn,
  },
];

/** How far the bench has gone: the figures of less are not those of more. */
function storedIn({ growth }: Measured): string | undefined {
  const events = eventsOf(growth);
  return events === undefined ? undefined : `${thousands(events)} events`;
}

function holdsLessThan(wanted: number): (measured: Measured) => boolean {
  return ({ growth }) => (eventsOf(growth) ?? 0) < wanted;
}

function twentiethOrLast(steps: readonly StepRow[]): StepRow | undefined {
  return steps.find(({ step }) => step.events === TWENTY_MILLION) ?? steps.at(-1);
}

function stepsOf({ growth }: Measured): readonly StepRow[] {
  return growth.flatMap((row) => (row.step === undefined ? [] : [{ ...row, step: row.step }]));
}

function highest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}
