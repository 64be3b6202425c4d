/** What the page of the benches shows is made from results, and says of a target what was measured. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fillSections } from "../../bench/marked-sections.ts";
import { BENCHES, chooseBenches } from "../../bench/registry.ts";
import { makeReport, README } from "../../bench/report.ts";
import {
  type BenchResult,
  provenance,
  RESULTS_FOLDER,
  readResult,
  writeResult,
} from "../../bench/results.ts";
import { TempFolder } from "../support/temp-folder.ts";

const RETENTION_ROW = {
  name: "everything is kept",
  eventsPerSecond: 123_456.789,
  ackP50Ms: 10.52,
  ackP99Ms: 33.4,
  ackMaxMs: 38,
  serverCpuMicrosecondsPerEvent: 8.1,
};

const RESULT: BenchResult = {
  name: "retention",
  title: "Retention under load",
  at: "2026-01-15T09:26:53.000Z",
  tookSeconds: 90,
  command: "bun bench/run.ts retention",
  options: { seconds: 5, warmUpSeconds: 1, isFull: false, mayInstall: false },
  machine: {
    cpu: "A processor",
    cores: 2,
    memoryBytes: 1,
    loadAverage: 0.25,
    kernel: "6.1",
    bun: "1.4.5",
    node: undefined,
    commit: "0123456789abcdef",
    isDirty: false,
    executableBuiltAt: "2026-01-15T09:00:00.000Z",
  },
  versions: { redis: "8.0" },
  rows: [RETENTION_ROW],
};

test("README.md shows what the results say: `bun run bench:report` makes it so", async () => {
  const { sections, charts } = await makeReport(RESULTS_FOLDER);
  const page = readFileSync(README, "utf8");
  expect(page).toBe(fillSections(page, sections));
  for (const [name, svg] of charts) expect(readFileSync(join(README, "../charts", name), "utf8")).toBe(svg);
});

test("README.md has a place for every bench", () => {
  const page = readFileSync(README, "utf8");
  const sections = new Map(BENCHES.map(({ name }) => [name, `the figures of ${name}`]));
  const filled = fillSections(page, sections);
  for (const text of sections.values()) expect(filled).toContain(`\n\n${text}\n\n<!-- end of`);
});

test("a result is shown with its table, command, date, machine, commit and load average", async () => {
  using folder = new TempFolder();
  await writeResult(folder.path, RESULT);
  const { sections } = await makeReport(folder.path);
  expect([...sections.keys()]).toEqual(["retention", "targets"]);
  expect(sections.get("retention")).toContain(
    "|  123,457 |       10.5 |   33.4 |     38 |                8.10 |",
  );
  expect(sections.get("retention")).toContain(provenance(RESULT));
  expect(provenance(RESULT)).toBe(
    "`bun bench/run.ts retention`, 2026-01-15 09:26 UTC, 1.5 minutes, beside redis 8.0  \n" +
      "A processor, 2 cores, load before 0.3, Linux 6.1, Bun 1.4.5, commit 0123456, built 2026-01-15T09:00:00.000Z",
  );
});

test("a result is read as it was written, to six digits, one line a row", async () => {
  using folder = new TempFolder();
  const file = await writeResult(folder.path, RESULT);
  const read = await readResult(folder.path, "retention");
  expect(read?.rows).toEqual([{ ...RETENTION_ROW, eventsPerSecond: 123_457 }]);
  expect(read?.machine.cpu).toBe(RESULT.machine.cpu);
  expect(readFileSync(file, "utf8").match(/everything is kept/g)).toHaveLength(1);
  expect(readFileSync(file, "utf8")).toContain(
    '\n    {"name":"everything is kept","eventsPerSecond":123457,',
  );
  expect(await readResult(folder.path, "start")).toBeUndefined();
});

test("a result that its bench would not give any more is an error that says so", async () => {
  using folder = new TempFolder();
  await writeResult(folder.path, { ...RESULT, rows: [{ speed: 1 }] });
  expect(makeReport(folder.path)).rejects.toThrow("run the bench retention again");
});

describe("marked sections", () => {
  const open = "<!-- made by bun run bench:report: a -->";
  const page = `before\n${open}\nold\n<!-- end of a -->\nafter\n`;

  test("are replaced and nothing around them, the second time to the same", () => {
    const filled = fillSections(page, new Map([["a", "new $& text"]]));
    expect(filled).toBe(`before\n${open}\n\nnew $& text\n\n<!-- end of a -->\nafter\n`);
    expect(fillSections(filled, new Map([["a", "new $& text"]]))).toBe(filled);
    expect(fillSections(page, new Map())).toBe(page);
  });

  test.each(["no markers", open, `${page}${page}`])("must be there once: %j", (wrong) => {
    expect(() => fillSections(wrong, new Map([["a", "new"]]))).toThrow("the page needs one place");
  });
});

test("a bench that there is not is named, with those that there are", () => {
  expect(() => chooseBenches(["ingest", "nonsense"])).toThrow("there is no bench nonsense: limit, ingest,");
  expect(chooseBenches([])).toBe(BENCHES);
});
