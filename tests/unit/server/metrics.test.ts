/** GET /metrics shows what the node knows, in Prometheus' format, and to nobody more than it may see. */

import { describe, expect, test } from "bun:test";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Counter, Gauge, Registry } from "prom-client";
import { ANYONE } from "../../../src/access/grant.ts";
import { principalOf, type Scope } from "../../../src/access/principal.ts";
import { limitSettingsOf } from "../../../src/config/limit-settings.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";
import { SETTING_NAMES, SETTINGS } from "../../../src/config/settings.ts";
import { TopicPatterns } from "../../../src/events/topic-pattern.ts";
import { LEDGER_STATES, LedgerClient } from "../../../src/ingest/ledger-client.ts";
import { AnswerBudget } from "../../../src/limits/answer-budget.ts";
import { BodyDeadlines } from "../../../src/limits/body-deadlines.ts";
import { PROBLEM_CODES, problem } from "../../../src/problem.ts";
import { expositionOf } from "../../../src/server/exposition.ts";
import { KeyedRequests } from "../../../src/server/keyed-requests.ts";
import { LargeAnswers } from "../../../src/server/large-answers.ts";
import type { Metric, Sample } from "../../../src/server/metric.ts";
import { METRICS } from "../../../src/server/metric-table.ts";
import {
  type MetricsView,
  metricsRoutes,
  metricsText,
  TOPIC_SERIES_MAX,
} from "../../../src/server/metrics.ts";
import { STREAM_ROUTES } from "../../../src/server/open-streams.ts";
import { openFiles } from "../../../src/server/process-figures.ts";
import { RefusalCounts } from "../../../src/server/refusals.ts";
import type { Services } from "../../../src/server/services.ts";
import type { StoredTopic } from "../../../src/storage/event-store.ts";
import { type Family, parsePrometheus, sampleOf } from "../../support/prometheus.ts";
import { HubBench } from "../live/hub-bench.ts";

const CONFIG = parseConfig([], {});

const EVERYTHING: MetricsView = { visible: "all", showsProcess: true };

function ignore(): void {}

/** A node of which only what is counted is there. */
function servicesWith(topics: readonly StoredTopic[] | undefined): Services {
  const { hub } = new HubBench();
  if (topics === undefined) hub.board.epoch = "";
  else hub.opened({ databaseId: "d", events: 0, newest: 0, topics });
  const ledger = new LedgerClient({
    limits: { queuePublishesMax: 10, queueBytesMax: 1_000 },
    post: ignore,
    soon: ignore,
    events: {
      opened: ignore,
      committed: ignore,
      answersKept: ignore,
      failed: ignore,
      healed: ignore,
      unusable: ignore,
      fault: ignore,
    },
  });
  const services = {
    hub,
    ledger,
    keyedRequests: new KeyedRequests(),
    limitSettings: limitSettingsOf(CONFIG),
    refusals: new RefusalCounts(),
    admission: {
      connections: { open: 3, refused: 1 },
      controlFrames: { refused: 4, closed: 1 },
      rates: { refused: { requests: 5, events: 6 } },
    },
    bodies: { reading: 2 },
    feed: { figures: { readers: 3, catchingUp: 1, eventsTold: 8, unreadBytes: 9 } },
    answers: answersWith(70_000),
    streams: { counts: STREAM_ROUTES.map((route, i) => [route, 10 + i]) },
    clock: { now: () => 12_500, startedAt: 10_000 },
  };
  return services as unknown as Services;
}

function answersWith(bytes: number): LargeAnswers {
  const budget = new AnswerBudget(bytes);
  budget.owe(bytes);
  return new LargeAnswers({ budget, deadlines: new BodyDeadlines(1, 1, 0), setIdleTimeout: () => {} });
}

function topic(name: string, received = 1): StoredTopic {
  const counters = { received, unique_processed: received, duplicate_dropped: 0, conflicts: 0 };
  return { name, ...counters, firstAt: 1, lastAt: 1 };
}

function scrape(services: Services, view = EVERYTHING): Map<string, Family> {
  return parsePrometheus(metricsText(services, view));
}

function names(families: ReadonlyMap<string, Family>): string[] {
  return [...families.keys()];
}

const ODD_NAMES = ["orders", 'quo"ted', "back\\slash", "\\n", "zeilen\\", "été/ü", "a{b}=1"];

test("every metric of the table is there, with its help, its type and its labels, and no other", async () => {
  const families = scrape(servicesWith([topic("orders")]));
  const found = [...families.values()].map(({ name, help, type, samples }) => ({
    name,
    help,
    type,
    labels: Object.keys(samples[0]!.labels),
  }));
  expect(found).toEqual(
    METRICS.map(({ name, help, type, labels }) => ({ name, help, type, labels: [...labels] })),
  );
});

test("names are as Prometheus asks for: prefixed, base units last, no colons", () => {
  for (const { name, type, unit, help } of METRICS) {
    expect(name).toMatch(/^(?:onefold|process)_[a-z_]+$/);
    expect(name.endsWith("_total")).toBe(type === "counter");
    const base = name.replace(/_total$/, "");
    if (unit === "seconds" || unit === "bytes") expect(base).toEndWith(`_${unit}`);
    expect(help).toMatch(/^[A-Z1].*\.$/);
    expect(name).not.toMatch(/_(?:ms|milliseconds|kb|mb|percent)\b/);
  }
  expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length);
});

test("topics of any name come back as they are", async () => {
  const families = scrape(servicesWith(ODD_NAMES.map((name, i) => topic(name, i + 1))));
  for (const [i, name] of ODD_NAMES.entries())
    expect(sampleOf(families, "onefold_topic_events_received_total", { topic: name })).toBe(i + 1);
  expect(sampleOf(families, "onefold_events_received_total")).toBe(28);
});

test("a thousand topics have series, the others are in the totals and counted", async () => {
  const count = TOPIC_SERIES_MAX + 1;
  const families = scrape(servicesWith(Array.from({ length: count }, (_, i) => topic(`t${i}`, 2))));
  const series = families.get("onefold_topic_events_received_total")!.samples;
  expect(series).toHaveLength(TOPIC_SERIES_MAX);
  expect(series.map(({ labels }) => labels.topic)).not.toContain(`t${TOPIC_SERIES_MAX}`);
  expect(sampleOf(families, "onefold_topics")).toBe(count);
  expect(sampleOf(families, "onefold_events_received_total")).toBe(2 * count);
});

describe("whoever may see some topics only", () => {
  const patterns = new TopicPatterns(["orders.*"]);
  const limited: MetricsView = { visible: (name) => patterns.matches(name), showsProcess: false };
  const topics = [topic("orders.eu", 3), topic("secret", 100), topic("orders.us", 4)];

  test("gets their counters and totals over them, no other name, and nothing of the node as a whole", async () => {
    const services = servicesWith(topics);
    const text = metricsText(services, limited);
    const families = parsePrometheus(text);
    expect(text).not.toContain("secret");
    expect(sampleOf(families, "onefold_events_received_total")).toBe(7);
    expect(sampleOf(families, "onefold_topics")).toBe(2);
    expect(families.get("onefold_topic_events_received_total")!.samples).toHaveLength(2);
    const ofTopics = METRICS.filter((metric) => metric.of === "topics").map(({ name }) => name);
    expect(names(families)).toEqual(ofTopics);
  });

  test("has a thousand series of its own, whatever stands before them", async () => {
    const many = Array.from({ length: 3 * TOPIC_SERIES_MAX }, (_, i) =>
      topic(`${i % 2 ? "orders." : "t"}${i}`),
    );
    const families = scrape(servicesWith(many), limited);
    expect(families.get("onefold_topic_events_received_total")!.samples).toHaveLength(TOPIC_SERIES_MAX);
    expect(sampleOf(families, "onefold_topics")).toBe((3 * TOPIC_SERIES_MAX) / 2);
  });

  test("and none at all gets zeros", async () => {
    const families = scrape(servicesWith(topics), { ...limited, visible: () => false });
    expect(sampleOf(families, "onefold_events_received_total")).toBe(0);
    expect(families.has("onefold_topic_events_received_total")).toBe(false);
  });
});

test("whoever may see all topics but not the node gets the topics alone", async () => {
  const families = scrape(servicesWith([topic("a")]), { visible: "all", showsProcess: false });
  expect(names(families).filter((name) => !/^onefold_(?:topic|events_)/.test(name))).toEqual([]);
  expect(sampleOf(families, "onefold_events_received_total")).toBe(1);
});

test("before the store has been opened there are no counters, since a 0 would look like a reset", async () => {
  const services = servicesWith(undefined);
  const families = scrape(services);
  expect(metricsText(services, { visible: () => true, showsProcess: false })).toBe("");
  expect(names(families).filter((name) => /^onefold_(?:topic|events_|revision)/.test(name))).toEqual([]);
  expect(sampleOf(families, "onefold_ready")).toBe(0);
  expect(sampleOf(families, "onefold_storage_state", { state: "starting" })).toBe(1);
  services.ledger.receive({
    kind: "opened",
    contents: { databaseId: "d", events: 0, newest: 0, topics: [] },
  });
  const opened = scrape(services);
  expect(sampleOf(opened, "onefold_ready")).toBe(1);
  for (const state of LEDGER_STATES)
    expect(sampleOf(opened, "onefold_storage_state", { state })).toBe(state === "ready" ? 1 : 0);
});

test("refusals are counted by code, and every code is there from the start", async () => {
  const services = servicesWith([]);
  services.refusals.count(problem("overloaded", "x"));
  services.refusals.count(problem("overloaded", "x"));
  const families = scrape(services);
  const codes = families.get("onefold_refused_total")!.samples.map(({ labels }) => labels.code);
  expect(codes).toEqual(PROBLEM_CODES);
  for (const code of PROBLEM_CODES)
    expect(sampleOf(families, "onefold_refused_total", { code })).toBe(code === "overloaded" ? 2 : 0);
});

test("how near the limits of who comes are, and how often they were reached", () => {
  const families = scrape(servicesWith([]));
  const values = (name: string) =>
    families.get(name)!.samples.map(({ labels, value }) => ({ labels, value }));
  expect(values("onefold_connections")).toEqual([{ labels: {}, value: 3 }]);
  expect(values("onefold_connections_refused_total")).toEqual([{ labels: {}, value: 1 }]);
  expect(values("onefold_control_frames_refused_total")).toEqual([{ labels: {}, value: 4 }]);
  expect(values("onefold_bodies_arriving")).toEqual([{ labels: {}, value: 2 }]);
  expect(values("onefold_answers_sending_bytes")).toEqual([{ labels: {}, value: 70_000 }]);
  expect(values("onefold_rate_limited_total")).toEqual([
    { labels: { counted: "requests" }, value: 5 },
    { labels: { counted: "events" }, value: 6 },
  ]);
});

test("what waits is told in publishes and in bytes", async () => {
  const services = servicesWith([]);
  services.ledger.receive({
    kind: "opened",
    contents: { databaseId: "d", events: 0, newest: 0, topics: [] },
  });
  for (const text of ["12345", "123"])
    services.ledger.submit({ text, form: "body", wantsResults: false, grant: ANYONE }, ignore);
  const families = scrape(services);
  expect(sampleOf(families, "onefold_waiting_publishes")).toBe(2);
  expect(sampleOf(families, "onefold_waiting_bytes")).toBe(8);
});

test("every limit that is a number is there under its name, with the value that was set", async () => {
  const config = parseConfig(["--max-topics", "77"], {});
  const families = scrape({ ...servicesWith([]), limitSettings: limitSettingsOf(config) });
  expect(sampleOf(families, "onefold_limit", { name: "max_topics" })).toBe(77);
  expect(sampleOf(families, "onefold_limit", { name: "max_body_bytes" })).toBe(SETTINGS.maxBodyBytes.default);
  const numbers = SETTING_NAMES.filter(
    (name) => SETTINGS[name].group === "Limits" && typeof config[name] === "number",
  );
  expect(numbers.length).toBeGreaterThan(5);
  expect(families.get("onefold_limit")!.samples).toHaveLength(numbers.length);
});

test("of the process there is what the system says", async () => {
  const families = scrape(servicesWith([]));
  expect(sampleOf(families, "process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
  expect(sampleOf(families, "process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(sampleOf(families, "process_start_time_seconds")).toBe(10);
  expect(sampleOf(families, "process_uptime_seconds")).toBe(2.5);
  expect(sampleOf(families, "process_open_fds")).toBeWithin(3, 10_000);
  expect(sampleOf(families, "process_max_fds")).toBeGreaterThan(sampleOf(families, "process_open_fds"));
});

test("open files are counted where the system tells no number, and unknown where it tells nothing", () => {
  expect(openFiles("/proc/self/ns")).toBe(readdirSync("/proc/self/ns").length - 1);
  expect(openFiles("/proc/nothing")).toBeUndefined();
  const before = openFiles()!;
  const files = Array.from({ length: 50 }, () => openSync("/dev/null", "r"));
  expect(openFiles()! - before).toBeGreaterThanOrEqual(45);
  for (const file of files) closeSync(file);
});

describe("the route", () => {
  const shown = async (topics: string[], ...scopes: Scope[]): Promise<Map<string, Family>> => {
    const principal = principalOf({ subject: "s", scopes, topics });
    const services = servicesWith([topic("orders", 5), topic("secret", 7)]);
    const admission = {
      ...services.admission,
      callerOf: () => ({ principal, grant: principal.grants.subscribe }),
    };
    const app = metricsRoutes({ ...services, admission } as unknown as Services);
    const response = await app.handle(new Request("http://localhost/metrics"));
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    return parsePrometheus(await response.text());
  };

  test("shows who administers all topics everything", async () => {
    const families = await shown(["*"], "subscribe", "admin");
    expect(sampleOf(families, "onefold_events_received_total")).toBe(12);
    expect(names(families)).toEqual(METRICS.map(({ name }) => name));
  });

  test("shows others their topics, and the node as a whole to who administers it", async () => {
    for (const scopes of [["subscribe"], ["subscribe", "admin"]] as const) {
      const families = await shown(["orders*"], ...scopes);
      expect(sampleOf(families, "onefold_events_received_total")).toBe(5);
      expect(families.get("onefold_topic_events_received_total")!.samples).toHaveLength(1);
      expect(families.has("onefold_ready")).toBe(scopes.length === 2);
    }
  });
});

test("the table in docs/operations.md is the table of metrics", () => {
  const page = readFileSync(join(import.meta.dir, "../../../docs/operations.md"), "utf8");
  const rows = METRICS.map(({ name, labels, type, unit, help }) => {
    const braces = labels.length === 0 ? "" : `{${labels.join(",")}}`;
    return `| \`${name}${braces}\` | ${type} | ${unit} | ${help} |`;
  });
  const shown = page.split("\n").filter((line) => /^\| `(?:onefold|process)_/.test(line));
  expect(shown).toEqual(rows);
  expect(page).toContain(`${TOPIC_SERIES_MAX.toLocaleString("en")} topics`);
});

test("what is written is what Prometheus' own client for JavaScript writes", async () => {
  const registry = new Registry();
  const written = (name: string, type: "counter" | "gauge", series: readonly [string, number][]) => {
    const help = `Of ${name}: "a\\b".\nNext line.`;
    const labels = ["name", "other"];
    const options = { name, help, labelNames: labels, registers: [registry] };
    const samples = series.map(([text, value], i): Sample => ({ labels: [text, `${i}`], value }));
    const client = type === "counter" ? new Counter(options) : new Gauge(options);
    for (const [i, [text, value]] of series.entries()) {
      const labelled = { name: text, other: `${i}` };
      if (client instanceof Gauge) client.set(labelled, value);
      else client.inc(labelled, value);
    }
    const metric: Metric = { name, help, type, unit: "", labels, of: "node", read: () => samples };
    return [metric, samples] as const;
  };
  const numbers = [0, 1, 2.5, 1e21, 5e-7, Number.MAX_SAFE_INTEGER, 0.1 + 0.2];
  const metrics = [
    written(
      "a_total",
      "counter",
      ODD_NAMES.map((name, i) => [name, numbers[i]!]),
    ),
    written("b", "gauge", [
      ["line\nbreak", Number.POSITIVE_INFINITY],
      ['"', Number.NEGATIVE_INFINITY],
      ["\\", -1],
    ]),
  ];
  const theirs = (await registry.metrics()).replaceAll("\n\n", "\n");
  expect(expositionOf(metrics)).toBe(theirs);
});

describe("the reader of the format", () => {
  const ok = "# HELP a_total x\n# TYPE a_total counter\n";
  test.each([
    ["a line without an end", `${ok}a_total 1`],
    ["a sample without a type", "a_total 1\n"],
    ["a type without a help", "# TYPE a_total counter\na_total 1\n"],
    ["a counter without _total", "# HELP a x\n# TYPE a counter\na 1\n"],
    ["a gauge with _total", "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n"],
    ["a metric in two places", `${ok}a_total 1\n${ok}`],
    ["a series twice", `${ok}a_total{a="1",b="2"} 1\na_total{b="2",a="1"} 2\n`],
    ["a label twice", `${ok}a_total{a="1",a="2"} 1\n`],
    ["a bare quote in a label", `${ok}a_total{a="1"2"} 1\n`],
    ["an unknown escape", `${ok}a_total{a="\\t"} 1\n`],
    ["a comma at the end", `${ok}a_total{a="1",} 1\n`],
    ["a colon in a name", "# HELP a:b x\n# TYPE a:b gauge\na:b 1\n"],
    ["what is no number", `${ok}a_total Nan\n`],
    ["a negative counter", `${ok}a_total -1\n`],
    ["a sample of another metric", `${ok}b_total 1\n`],
  ])("refuses %s", (_, text) => {
    expect(() => parsePrometheus(text)).toThrow();
  });

  test("takes what is right", () => {
    const text = `${ok}a_total 1\na_total{a="x\\"\\\\\\n,"} 2.5e+21\n\n`;
    expect(parsePrometheus(text).get("a_total")!.samples).toEqual([
      { labels: {}, value: 1 },
      { labels: { a: 'x"\\\n,' }, value: 2.5e21 },
    ]);
  });
});
