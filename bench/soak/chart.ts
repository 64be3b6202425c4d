/** A soak as a picture: small multiples over time, in SVG that reads on white and on black. */

import { ticksUpTo } from "../drawing/scale.ts";
import { escaped, pathThrough, pixels } from "../drawing/svg.ts";
import { type Machine, machineLine } from "../machine.ts";
import { thousands } from "../table.ts";
import type { SoakPlan } from "./plan.ts";
import type { SoakResult } from "./soak.ts";
import type { Sample, Verdict } from "./verdicts.ts";

export interface SoakRecord extends SoakResult {
  readonly at: string;
  readonly plan: SoakPlan;
  readonly machine: Machine;
}

interface Series {
  readonly name: string;
  readonly of: (sample: Sample) => number | undefined;
}

interface Panel {
  readonly title: string;
  readonly unit: string;
  /** Two at most: there are two colours. */
  readonly series: readonly Series[];
}

const MIB = 2 ** 20;

const PANELS: readonly Panel[] = [
  {
    title: "Memory",
    unit: "MiB resident",
    series: [
      { name: "all", of: ({ residentBytes }) => residentBytes / MIB },
      {
        name: "without dedup index",
        of: ({ residentBytes, indexBytes }) => (residentBytes - indexBytes) / MIB,
      },
    ],
  },
  {
    title: "Acknowledgement",
    unit: "ms",
    series: [
      { name: "p50", of: ({ ack }) => ack?.p50Ms },
      { name: "p99", of: ({ ack }) => ack?.p99Ms },
    ],
  },
  {
    title: "File handles",
    unit: "open",
    series: [
      { name: "all", of: ({ handles }) => handles },
      { name: "of them sockets", of: ({ sockets }) => sockets },
    ],
  },
  {
    title: "Events",
    unit: "thousands a second",
    series: [{ name: "acknowledged", of: ({ eventsPerSecond }) => eventsPerSecond / 1_000 }],
  },
  {
    title: "Write-ahead log",
    unit: "MiB",
    series: [{ name: "size", of: ({ walBytes }) => walBytes / MIB }],
  },
  {
    title: "Subscriptions",
    unit: "thousands so far",
    series: [
      { name: "all", of: ({ subscribers }) => subscribers.opened / 1_000 },
      { name: "of them resumed", of: ({ subscribers }) => subscribers.resumed / 1_000 },
    ],
  },
];

/** Between black and white: legible on both. */
const INK = "#75808a";
const COLOURS = ["#3f83f8", "#e3812b"] as const;

const COLUMNS = 2;
const WIDTH = 960;
const HEAD = 76;
const PANEL_WIDTH = WIDTH / COLUMNS;
const PANEL_HEIGHT = 196;
/** Around the plot of a panel. */
const MARGIN = { top: 40, right: 24, bottom: 34, left: 52 };
const PLOT_WIDTH = PANEL_WIDTH - MARGIN.left - MARGIN.right;
const PLOT_HEIGHT = PANEL_HEIGHT - MARGIN.top - MARGIN.bottom;

const Y_TICKS = 4;
const X_TICKS = 6;

export function drawChart({ samples, plan, machine, rate, verdicts }: SoakRecord): string {
  const rows = Math.ceil(PANELS.length / COLUMNS);
  const height = HEAD + rows * PANEL_HEIGHT;
  const panels = PANELS.map((panel, i) => {
    const x = (i % COLUMNS) * PANEL_WIDTH + MARGIN.left;
    const y = HEAD + Math.floor(i / COLUMNS) * PANEL_HEIGHT + MARGIN.top;
    return `<g transform="translate(${x},${y})">\n${drawPanel(panel, samples, plan)}\n</g>`;
  });
  const title = `${lengthOf(plan.seconds)} at ${thousands(rate)} events/s: ${summaryOf(verdicts)}`;
  const flags = plan.serveFlags.length === 0 ? "" : `, ${plan.serveFlags.join(" ")}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"` +
      ` font-family="system-ui, sans-serif" font-size="12" fill="${INK}" role="img">`,
    `<title>${escaped(`onefold soak, ${title}`)}</title>`,
    `<text x="${MARGIN.left}" y="28" font-size="18" font-weight="600">${escaped(title)}</text>`,
    `<text x="${MARGIN.left}" y="48">${escaped(machineLine(machine))}</text>`,
    `<text x="${MARGIN.left}" y="64">${escaped(`seed ${plan.seed}${flags}; shaded: warm-up, not judged`)}</text>`,
    ...panels,
    "</svg>\n",
  ].join("\n");
}

function summaryOf(verdicts: readonly Verdict[]): string {
  const bad = verdicts.filter(({ isGood }) => !isGood).map(({ name }) => name);
  return bad.length === 0 ? `all ${verdicts.length} verdicts good` : `not so: ${bad.join("; ")}`;
}

function lengthOf(seconds: number): string {
  return seconds < 120 ? `${seconds} seconds` : `${+(seconds / 60).toFixed(1)} minutes`;
}

function drawPanel(panel: Panel, samples: readonly Sample[], { seconds, warmUpSeconds }: SoakPlan): string {
  const values = panel.series.flatMap(({ of }) => samples.map(of)).filter((value) => value !== undefined);
  const ticks = ticksUpTo(Math.max(...values, 0), Y_TICKS);
  const top = ticks.at(-1)!;
  const unitSeconds = seconds < 120 ? 1 : 60;
  const lastSecond = Math.max(seconds, samples.at(-1)?.atSeconds ?? 0);
  const x = (atSeconds: number): number => (atSeconds / lastSecond) * PLOT_WIDTH;
  const y = (value: number): number => PLOT_HEIGHT * (1 - value / top);
  const pathOf = ({ of }: Series): string =>
    pathThrough(
      samples.map((sample) => {
        const value = of(sample);
        return value === undefined ? undefined : { x: x(sample.atSeconds), y: y(value) };
      }),
    );
  const times = ticksUpTo(seconds / unitSeconds, X_TICKS).filter((time) => time * unitSeconds <= lastSecond);
  return [
    `<text x="0" y="-18" font-size="14" font-weight="600">${escaped(panel.title)}` +
      ` <tspan font-size="12" font-weight="400">${escaped(panel.unit)}</tspan></text>`,
    drawLegend(panel.series),
    `<rect width="${pixels(x(warmUpSeconds))}" height="${PLOT_HEIGHT}" fill="${INK}" fill-opacity="0.1"/>`,
    ...ticks.map(
      (tick) =>
        `<path d="M0 ${pixels(y(tick))}H${PLOT_WIDTH}" stroke="${INK}" stroke-opacity="${tick === 0 ? 0.8 : 0.25}"/>` +
        `<text x="-8" y="${pixels(y(tick))}" dy="4" text-anchor="end">${thousandsOrLess(tick)}</text>`,
    ),
    ...times.map((time, i) => {
      const label = i === times.length - 1 ? `${time} ${unitSeconds === 1 ? "s" : "min"}` : `${time}`;
      return `<text x="${pixels(x(time * unitSeconds))}" y="${PLOT_HEIGHT + 18}" text-anchor="middle">${label}</text>`;
    }),
    ...panel.series.map(
      (series, i) =>
        `<path d="${pathOf(series)}" fill="none" stroke="${COLOURS[i]}"` +
        ' stroke-width="1.75" stroke-linejoin="round" stroke-linecap="round"/>',
    ),
  ].join("\n");
}

/** At the right of the title's line; one series alone needs none. */
function drawLegend(series: readonly Series[]): string {
  if (series.length < 2) return "";
  const names = series.map(
    ({ name }, i) => `<tspan fill="${COLOURS[i]}"${i === 0 ? "" : ' dx="12"'}>${escaped(name)}</tspan>`,
  );
  return `<text x="${PLOT_WIDTH}" y="-18" text-anchor="end" font-weight="600">${names.join("")}</text>`;
}

function thousandsOrLess(value: number): string {
  return value >= 1_000 ? thousands(value) : String(value);
}
