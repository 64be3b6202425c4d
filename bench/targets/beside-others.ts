/** Targets of a node beside others: a bare server that fans out natively, and its peers. */

import { EVENTS_PER_SECOND, type FanoutRow, fanOutCpuShare } from "../fanout/fanout-table.ts";
import type { MeasuredRow } from "../peers/peer-row.ts";
import { label, rivalsOf } from "../peers/remarks.ts";
import type { Measured, Target } from "./target.ts";

const SUBSCRIBERS = 10_000;

const RATE_KEPT_SHARE = 0.95;

export const BESIDE_OTHERS_TARGETS: readonly Target[] = [
  fanoutTarget("server CPU of the fan-out ÷ bare fan-out", "ratio", 1.3, (row) => {
    return fanOutCpuShare(row) / row.bare.serverCpuShare;
  }),
  fanoutTarget("delivery p99 ÷ bare fan-out", "ratio", 1.3, ({ onefold, bare }) => {
    return onefold.latency.p99Ms / bare.latency.p99Ms;
  }),
  fanoutTarget("acknowledgement p99 meanwhile", "ms", 15, ({ ack }) => ack.p99Ms),
  fanoutTarget("memory a connection", "kB", 10, ({ onefold }) => onefold.residentBytesPerConnection / 1_000),
  peersTarget("events/s ÷ each peer's", { min: 1 }, (row) => row.eventsPerSecond),
  peersTarget("server CPU an event ÷ each peer's", { max: 1 }, (row) => row.serverCpuMicrosecondsPerEvent),
];

function fanoutTarget(
  name: string,
  unit: Target["unit"],
  max: number,
  of: (row: FanoutRow) => number,
): Target {
  return {
    name: `10,000 subscribers: ${name}`,
    unit,
    bound: { max },
    figure: ({ fanout }) => {
      const row = fanout.find(({ subscribers }) => subscribers === SUBSCRIBERS);
      return row === undefined || !keptItsRate(row) ? undefined : of(row);
    },
  };
}

/** A node that took less while it told its subscribers cannot be compared with one that took all. */
function keptItsRate({ eventsPerSecond }: FanoutRow): boolean {
  return eventsPerSecond >= RATE_KEPT_SHARE * EVENTS_PER_SECOND;
}

/** Of the peers whose answer means synced, that to which onefold comes out worst. */
function peersTarget(name: string, bound: Target["bound"], of: (row: MeasuredRow) => number): Target {
  const worst = ({ peers }: Measured): { ratio: number; peer: MeasuredRow } | undefined => {
    const pairs = rivalsOf(peers).filter(({ peer }) => peer.durability === "synced");
    const ratios = pairs.map(({ peer, rival }) => ({ peer, ratio: of(rival) / of(peer) }));
    const sorted = ratios.toSorted((a, b) => a.ratio - b.ratio);
    return "min" in bound ? sorted[0] : sorted.at(-1);
  };
  return {
    name: `synced peers, the same kind of load: ${name}`,
    unit: "ratio",
    bound,
    figure: (measured) => worst(measured)?.ratio,
    detail: (measured) => {
      const row = worst(measured);
      return row === undefined ? undefined : `beside ${label(row.peer)}${leftOut(measured)}`;
    },
  };
}

function leftOut({ peers }: Measured): string {
  const rows = peers.filter(({ kind, durability }) => kind === "left out" && durability === "synced");
  return rows.length === 0 ? "" : `; not there: ${rows.map(({ name }) => name).join(", ")}`;
}
