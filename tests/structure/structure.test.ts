/** The shape of the source is held by rules, and each rule is seen to bite. */

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TempFolder } from "../support/temp-folder.ts";
import {
  faultsOfImports,
  faultsOfLength,
  faultsOfName,
  faultsOfOpening,
  faultsOfSuppression,
  importsOf,
  MAY_IMPORT,
  type SourceFile,
} from "./rules.ts";

const ROOT = join(import.meta.dir, "../..");

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

function filesIn(...folders: string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    [...new Bun.Glob(`${folder}/**/*.ts`).scanSync(ROOT)].map((path) => ({ path, text: read(path) })),
  );
}

const SRC = filesIn("src");
const ALL = filesIn("src", "tests", "bench", "examples");

interface Rule {
  readonly files: readonly SourceFile[];
  readonly faultsOf: (file: SourceFile) => string[];
  /** Files that must be found faulty, or the rule does not bite. */
  readonly planted: readonly SourceFile[];
}

const OPENING = "/** Answers for something. */\n";

const RULES: Record<string, Rule> = {
  "imports point inward": {
    files: SRC,
    faultsOf: faultsOfImports,
    planted: [
      { path: "src/events/a.ts", text: 'import { a } from "../storage/event-store.ts";' },
      { path: "src/events/a.ts", text: 'import type { A } from "../access/grant.ts";' },
      { path: "src/storage/a.ts", text: 'import {\n  type A,\n} from "./sqlite/schema.ts";' },
      { path: "src/live/a.ts", text: 'export * from "../server/app.ts";' },
      { path: "src/ingest/a.ts", text: 'const a = await import("../live/stats-hub.ts");' },
      { path: "src/ingest/a.ts", text: "import '../storage/sqlite/migrate';" },
      { path: "src/server/a.ts", text: 'import { startNode } from "../node.ts";' },
      { path: "src/problem.ts", text: 'import { nearest } from "./nearest.ts";' },
      { path: "src/events/a.ts", text: 'import manifest from "../../package.json" with { type: "json" };' },
      { path: "src/elsewhere/a.ts", text: "" },
    ],
  },
  "a file has 400 lines at most": {
    files: ALL,
    faultsOf: faultsOfLength,
    planted: [{ path: "src/a.ts", text: "\n".repeat(401) }],
  },
  "a file opens by saying what it answers for": {
    files: ALL,
    faultsOf: faultsOfOpening,
    planted: [
      { path: "src/a.ts", text: "" },
      { path: "src/a.ts", text: `import "./b.ts";\n${OPENING}` },
      { path: "src/a.ts", text: "// A note.\n" },
      { path: "src/a.ts", text: "/** */\n" },
    ],
  },
  "no error of the type checker or the linter is silenced": {
    files: ALL,
    faultsOf: faultsOfSuppression,
    planted: [
      "@ts-" + "ignore",
      "@ts-" + "expect-error",
      "@ts-" + "nocheck",
      "biome-" + "ignore lint: x",
    ].map((word) => ({ path: "src/a.ts", text: `// ${word}\n` })),
  },
  "a file's name says what it is": {
    files: ALL,
    faultsOf: faultsOfName,
    planted: [
      "utils.ts",
      "string-utils.ts",
      "helpers/a.ts",
      "misc.ts",
      "store-manager.ts",
      "common.ts",
      "eventStore.ts",
    ].map((name) => ({ path: `src/${name}`, text: "" })),
  },
};

describe.each(Object.entries(RULES))("%s", (_, { files, faultsOf, planted }) => {
  test("everywhere", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(faultsOf)).toEqual([]);
  });

  test("and what breaks it is found", () => {
    for (const file of planted) expect({ file, faults: faultsOf(file).length }).toEqual({ file, faults: 1 });
  });
});

test("the table of imports has no way around: no part reaches itself", () => {
  const reach = (part: string, path: readonly string[]): void => {
    expect(path).not.toContain(part);
    for (const inner of MAY_IMPORT[part] ?? []) reach(inner, [...path, part]);
  };
  for (const part of Object.keys(MAY_IMPORT)) reach(part, []);
});

test("no import escapes the search: it finds all that Bun's own parser finds", () => {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  for (const file of SRC) {
    const found = importsOf(file);
    const relativeImports = transpiler.scanImports(file.text).filter(({ path }) => path.startsWith("."));
    for (const { path } of relativeImports) expect(found).toContain(join(file.path, "..", path));
  }
});

describe("the linter", () => {
  const config = JSON.parse(read("biome.json")) as {
    readonly overrides?: unknown;
    readonly files: { readonly includes: readonly string[] };
    readonly linter: { readonly enabled: boolean; readonly rules: Record<string, Record<string, unknown>> };
  };

  test("counts `any`, silenced type errors and functions of more than 70 lines as errors, everywhere", () => {
    const { suspicious, complexity } = config.linter.rules;
    expect(config.linter.enabled).toBe(true);
    expect(suspicious).toMatchObject({ noExplicitAny: "error", noTsIgnore: "error" });
    expect(complexity?.noExcessiveLinesPerFunction).toEqual({ level: "error", options: { maxLines: 70 } });
    expect(config.overrides).toBeUndefined();
    expect(config.files.includes).toEqual(["**", "!drizzle", "!**/*.md", "!bench/results"]);
  });

  const lint = (args: readonly string[], cwd = ROOT): { exitCode: number; output: string } => {
    const command = [process.execPath, join(ROOT, "node_modules/@biomejs/biome/bin/biome"), "lint", ...args];
    const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd });
    return { exitCode, output: `${stdout}${stderr}` };
  };

  test("finds none of them", () => {
    const rules = [
      "suspicious/noExplicitAny",
      "suspicious/noTsIgnore",
      "complexity/noExcessiveLinesPerFunction",
    ];
    const { exitCode, output } = lint([...rules.map((rule) => `--only=${rule}`), "src", "tests", "bench"]);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.stringContaining("Checked") });
  });

  const ANY = "suspicious/noExplicitAny";
  const LENGTH = "complexity/noExcessiveLinesPerFunction";
  test.each([
    ["`any`", ANY, "export const a: any = 1;\n", "export const a: unknown = 1;\n"],
    ["`any` in a cast", ANY, "export const a = 1 as any;\n", 'export const any = "as any";\n'],
    ["a function of more than 70 lines", LENGTH, functionOf(71), functionOf(70)],
  ])("would find %s, and nothing that only looks like it", (_, rule, bad, good) => {
    using folder = new TempFolder();
    writeFileSync(folder.file("biome.json"), JSON.stringify({ ...config, vcs: { enabled: false } }));
    const exitCodeFor = (text: string): number => {
      writeFileSync(folder.file("a.ts"), text);
      return lint([`--only=${rule}`, "a.ts"], folder.path).exitCode;
    };
    expect(exitCodeFor(bad)).not.toBe(0);
    expect(exitCodeFor(good)).toBe(0);
  });
});

/** A function of so many lines between its braces, and including them two more. */
function functionOf(lines: number): string {
  return `export function a() {\n${"  a();\n".repeat(lines)}}\n`;
}

test("the type checker is strict", () => {
  const { compilerOptions } = JSON.parse(read("tsconfig.json")) as {
    compilerOptions: Record<string, unknown>;
  };
  const strict = ["strict", "noUncheckedIndexedAccess", "exactOptionalPropertyTypes", "noImplicitOverride"];
  for (const option of strict)
    expect({ option, value: compilerOptions[option] }).toEqual({ option, value: true });
});

test("every dependency is pinned to one version, also those still to come", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json")) as Record<
    string,
    Record<string, string>
  >;
  const versions = Object.entries({ ...dependencies, ...devDependencies });
  expect(versions.length).toBeGreaterThan(5);
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  expect(read("bunfig.toml")).toMatch(/^exact = true$/m);
});

test("docs/configuration.md is what the settings say: `bun run docs` makes it", () => {
  const { stdout, exitCode } = Bun.spawnSync([process.execPath, "src/main.ts", "--reference"], { cwd: ROOT });
  expect(exitCode).toBe(0);
  expect(read("docs/configuration.md")).toBe(stdout.toString());
});
