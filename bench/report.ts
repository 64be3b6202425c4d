/** `bun bench/report.ts`: makes the figures and charts in bench/README.md anew, from the results that are there. */

import { join } from "node:path";
import type { Chart } from "./bench.ts";
import { drawChart } from "./chart.ts";
import { fillSections } from "./marked-sections.ts";
import { BENCHES, type NamedBench } from "./registry.ts";
import { type BenchResult, provenance, RESULTS_FOLDER, readResult, resultParts } from "./results.ts";
import { markdownTable } from "./table.ts";
import { type Measured, NOTHING_MEASURED, TARGET_COLUMNS } from "./targets/target.ts";
import { TARGETS } from "./targets/targets.ts";

export const README = join(import.meta.dir, "README.md");
const CHARTS_FOLDER = join(import.meta.dir, "charts");

const TARGETS_SECTION = "targets";

export interface Report {
  /** By the name of the section. A bench that was not run has none. */
  readonly sections: ReadonlyMap<string, string>;
  /** By the file's name. */
  readonly charts: ReadonlyMap<string, string>;
}

/** @throws Error when a result is not what its bench gives now. */
export async function makeReport(resultsFolder: string): Promise<Report> {
  const sections = new Map<string, string>();
  const charts = new Map<string, string>();
  const results = new Map<string, BenchResult>();
  for (const bench of BENCHES) {
    const result = await readResult(resultsFolder, bench.name);
    if (result === undefined) continue;
    results.set(bench.name, result);
    const drawn = chartsOf(bench, result);
    for (const chart of drawn) charts.set(`${chart.name}.svg`, drawChart(chart));
    sections.set(bench.name, sectionOf(bench, result, drawn));
  }
  sections.set(TARGETS_SECTION, targetsTable(results));
  return { sections, charts };
}

function chartsOf(bench: NamedBench, { rows }: BenchResult): readonly Chart[] {
  try {
    return bench.charts(rows);
  } catch (error) {
    throw outdated(bench, error);
  }
}

function sectionOf(bench: NamedBench, result: BenchResult, charts: readonly Chart[]): string {
  const images = charts.map(({ name, title }) => `![${title}](charts/${name}.svg)`);
  try {
    return [...resultParts(bench, result), ...images, provenance(result)].join("\n\n");
  } catch (error) {
    throw outdated(bench, error);
  }
}

function outdated({ name }: NamedBench, cause: unknown): Error {
  return new Error(`results/${name}.json cannot be shown: run the bench ${name} again (${cause})`);
}

function targetsTable(results: ReadonlyMap<string, BenchResult>): string {
  const rows = Object.keys(NOTHING_MEASURED).map((name) => [name, results.get(name)?.rows ?? []]);
  const measured = Object.fromEntries(rows) as Measured;
  return markdownTable(
    TARGET_COLUMNS,
    TARGETS.map((target) => ({ target, measured })),
  );
}

async function main(): Promise<void> {
  const { sections, charts } = await makeReport(RESULTS_FOLDER);
  await Bun.write(README, fillSections(await Bun.file(README).text(), sections));
  for (const [name, svg] of charts) await Bun.write(join(CHARTS_FOLDER, name), svg);
  console.error(`${[...sections.keys()].join(", ")}: written to ${README}`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(`report: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  });
}
