/**
 * Metrics as text, in version 0.0.4 of Prometheus' exposition format. Written here because it is three kinds of lines:
 * prom-client takes four times as long for them, and the edge thread stands still meanwhile.
 */

import type { Metric, Sample } from "./metric.ts";

/** @param metrics each with its series; those that have none are left out. */
export function expositionOf(metrics: Iterable<readonly [Metric, readonly Sample[]]>): string {
  let text = "";
  for (const [{ name, help, type, labels }, samples] of metrics) {
    if (samples.length === 0) continue;
    text += `# HELP ${name} ${escaped(help, /[\\\n]/g)}\n# TYPE ${name} ${type}\n`;
    for (const sample of samples)
      text += `${name}${labelsText(labels, sample.labels)} ${numberText(sample.value)}\n`;
  }
  return text;
}

function labelsText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return "";
  return `{${names.map((name, i) => `${name}="${escaped(values[i]!, /[\\"\n]/g)}"`).join(",")}}`;
}

function escaped(text: string, special: RegExp): string {
  return text.replace(special, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
