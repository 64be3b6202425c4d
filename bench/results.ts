/** What a bench has measured, as it is written down: one file for each bench, from which everything shown is made. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BenchOptions } from "./bench.ts";
import { type Machine, machineLine } from "./machine.ts";

export const RESULTS_FOLDER = join(import.meta.dir, "results");

export interface BenchResult {
  readonly name: string;
  readonly title: string;
  /** When it began. */
  readonly at: string;
  readonly tookSeconds: number;
  readonly command: string;
  readonly options: BenchOptions;
  readonly machine: Machine;
  /** Of what was measured beside onefold. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly unknown[];
}

/** One line for each row: a file that can be looked at, and compared with the one before. */
export function resultText({ rows, ...head }: BenchResult): string {
  const lines = rows.map((row) => `    ${JSON.stringify(row, shortened)}`).join(",\n");
  return `${JSON.stringify({ ...head, rows: [] }, null, 2).replace(/\[\]\n\}$/, () => `[\n${lines}\n  ]\n}`)}\n`;
}

const DIGITS = 6;

/** More digits were never measured. */
function shortened(_name: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(DIGITS)) : value;
}

/** @returns the file's path. */
export async function writeResult(folder: string, result: BenchResult): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${result.name}.json`);
  await Bun.write(file, resultText(result));
  return file;
}

/** Nothing where the bench has not been run. */
export async function readResult(folder: string, name: string): Promise<BenchResult | undefined> {
  const file = Bun.file(join(folder, `${name}.json`));
  return (await file.exists()) ? ((await file.json()) as BenchResult) : undefined;
}

/** Title, table and remarks, in Markdown. */
export function resultParts({ table, remarks }: Shown, { title, rows }: BenchResult): string[] {
  const list = remarks(rows).map((remark) => `- ${remark}`);
  return [title, table(rows), ...(list.length === 0 ? [] : [list.join("\n")])];
}

interface Shown {
  table(rows: readonly unknown[]): string;
  remarks(rows: readonly unknown[]): readonly string[];
}

/** How it was measured, in two lines of Markdown. */
export function provenance({ command, at, tookSeconds, machine, versions }: BenchResult): string {
  const beside = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const versionText = beside.length === 0 ? "" : `, beside ${beside.join(", ")}`;
  const minutes = (tookSeconds / 60).toFixed(1);
  return `\`${command}\`, ${at.slice(0, 16).replace("T", " ")} UTC, ${minutes} minutes${versionText}  \n${machineLine(machine)}`;
}
