/** A strict reader of Prometheus' text format 0.0.4: what its own parser or its linter would object to is an error. */

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly PrometheusSample[];
}

export interface PrometheusSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = "[a-zA-Z_][a-zA-Z0-9_]*";
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\]|\\\\\\\\|\\\\n)+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? ([^ ]+)$`);
const LABEL = new RegExp(`^(${NAME})="((?:[^"\\\\]|\\\\\\\\|\\\\"|\\\\n)*)"(?:,(?=.)|$)`);
const VALUE = /^(?:[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|[-+]Inf|NaN)$/;

/** @throws Error that names the line. */
export function parsePrometheus(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("The last line does not end.");
  const families = new Map<string, Family & { samples: PrometheusSample[] }>();
  const seen = new Set<string>();
  let help: RegExpExecArray | null = null;
  let family: (Family & { samples: PrometheusSample[] }) | undefined;
  for (const line of text.split("\n")) {
    const fail = (reason: string): never => {
      throw new Error(`${reason}: ${line}`);
    };
    if (line === "") continue;
    if (line.startsWith("# HELP")) {
      help = HELP.exec(line) ?? fail("This is no help");
      if (families.has(help[1]!)) fail("The metric stands in two places");
    } else if (line.startsWith("#")) {
      const [, name = "", type = ""] = TYPE.exec(line) ?? fail("This is no type");
      if (help?.[1] !== name) fail("The type follows no help of its metric");
      if ((type === "counter") !== name.endsWith("_total"))
        fail("Counters end in _total, and nothing else does");
      family = { name, type, help: help![2]!, samples: [] };
      families.set(name, family);
    } else {
      const [, name, labelText = "", number = ""] = SAMPLE.exec(line) ?? fail("This is no sample");
      if (family === undefined || family.name !== name) return fail("The sample stands under another metric");
      const value = VALUE.test(number)
        ? Number(number.replace("Inf", "Infinity"))
        : fail("This is no number");
      if (family.type === "counter" && !(value >= 0)) fail("No counter is less than 0");
      const labels = labelsOf(labelText, fail);
      const series = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
      if (seen.has(series)) fail("The series stands there twice");
      seen.add(series);
      family.samples.push({ labels, value });
    }
  }
  return families;
}

function labelsOf(text: string, fail: (reason: string) => never): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ""; ) {
    const [whole, name = "", value = ""] = LABEL.exec(rest) ?? fail("These are no labels");
    if (Object.hasOwn(labels, name)) fail("A label stands there twice");
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
    rest = rest.slice(whole!.length);
  }
  return labels;
}

/** The value of one series. @throws Error where there is none, or more than one. */
export function sampleOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = (families.get(name)?.samples ?? []).filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  if (found.length !== 1)
    throw new Error(`Expected one series ${name} ${JSON.stringify(labels)}, got ${found.length}`);
  return found[0]!.value;
}
