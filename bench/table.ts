/** Figures as text: cells, and a Markdown table that also reads well in a terminal. */

import type { Column } from "./bench.ts";

export function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function decimals(value: number, places: number): string {
  return value.toFixed(places);
}

export function markdownTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(([heading]) => heading),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const [head, ...body] = lines.map(
    (line) => `| ${line.map((cell, i) => cell.padStart(widths[i]!)).join(" | ")} |`,
  );
  const rule = `| ${widths.map((width) => `${"-".repeat(width - 1)}:`).join(" | ")} |`;
  return [head, rule, ...body].join("\n");
}
