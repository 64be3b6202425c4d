/** The rules that hold for every source file, each as a function from a file to what is wrong with it. */

import { dirname, join, relative } from "node:path";

export interface SourceFile {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

/**
 * Which part of `src` may import which: from the edge inward. A part is a folder or a file of `src` itself; it may
 * always import its own files, and whatever is not listed is not allowed. Type-only imports count as well.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["cli", "workers"],
  cli: [
    "access",
    "config",
    "events",
    "load-test",
    "maintenance",
    "node-audit",
    "node.ts",
    "threads.ts",
    "nearest.ts",
    "progress.ts",
    "unreachable.ts",
    "version.ts",
  ],
  "load-test": ["unreachable.ts"],
  "node-audit": ["storage/sqlite", "events", "progress.ts", "unreachable.ts"],
  maintenance: ["access", "storage", "storage/sqlite", "storage/sqlite/verification", "progress.ts"],
  "node.ts": [
    "config",
    "access",
    "limits",
    "workers",
    "server",
    "server/listening",
    "live",
    "ingest",
    "storage",
    "storage/sqlite",
    "threads.ts",
  ],
  "threads.ts": ["ingest", "storage", "workers"],
  workers: ["ingest", "maintenance", "storage", "storage/sqlite"],
  server: [
    "server/documentation",
    "server/models",
    "access",
    "limits",
    "live",
    "ingest",
    "storage",
    "events",
    "problem.ts",
    "nearest.ts",
    "version.ts",
  ],
  "server/listening": [],
  "server/documentation": ["server/models", "problem.ts", "version.ts"],
  "server/models": ["ingest", "live", "events", "problem.ts"],
  live: ["storage", "events"],
  ingest: ["access", "storage", "events", "problem.ts"],
  "storage/sqlite": ["storage", "events", "version.ts"],
  "storage/sqlite/verification": ["storage/sqlite", "events", "progress.ts"],
  storage: ["events"],
  access: ["events", "problem.ts"],
  events: ["problem.ts", "nearest.ts"],
  limits: ["problem.ts"],
  config: ["access", "limits", "events", "nearest.ts"],
  "problem.ts": [],
  "nearest.ts": [],
  "progress.ts": [],
  "unreachable.ts": [],
  "version.ts": ["../package.json"],
};

const FILE_LINES_MAX = 400;

const VAGUE_NAMES = ["util", "utils", "helper", "helpers", "misc", "manager", "common"];

/** The part of `src` that a path belongs to; a path outside of `src` stands for itself. */
function partOf(path: string): string {
  const inSrc = relative("src", path);
  if (inSrc.startsWith("..")) return inSrc;
  const folder = dirname(inSrc);
  return folder === "." ? inSrc : folder;
}

/** Everything relative that a file imports, exports from, loads late or names as a worker. */
export function importsOf({ path, text }: SourceFile): string[] {
  const specifiers = text.matchAll(
    /(?:\bfrom|\bimport|\bimport\(|\brequire\(|\bnew URL\()\s*["'`](\.[^"'`]*)["'`]/g,
  );
  return [...specifiers].map(([, specifier]) => join(dirname(path), specifier!));
}

export function faultsOfImports(file: SourceFile): string[] {
  const part = partOf(file.path);
  const allowed = MAY_IMPORT[part];
  if (allowed === undefined) return [`${file.path} is in no part of src that the table knows`];
  return importsOf(file)
    .filter((target) => partOf(target) !== part && !allowed.includes(partOf(target)))
    .map((target) => `${file.path} imports ${target}, which is not inward of it`);
}

export function faultsOfLength({ path, text }: SourceFile): string[] {
  const lines = text.split("\n").length - 1;
  return lines > FILE_LINES_MAX ? [`${path} has ${lines} lines`] : [];
}

/** A file opens by saying what it answers for. */
export function faultsOfOpening({ path, text }: SourceFile): string[] {
  return /^\/\*\*(?:[^*]|\*(?!\/))*[^\s*][.:]?(?:[^*]|\*(?!\/))*\*\/\n/.test(text)
    ? []
    : [`${path} opens without saying what it is`];
}

/** Written in two parts, so that this file does not fall under its own rule. */
const SUPPRESSIONS = ["@ts-" + "ignore", "@ts-" + "expect-error", "@ts-" + "nocheck", "biome-" + "ignore"];

export function faultsOfSuppression({ path, text }: SourceFile): string[] {
  return SUPPRESSIONS.filter((word) => text.includes(word)).map((word) => `${path} has ${word}`);
}

export function faultsOfName({ path }: SourceFile): string[] {
  const name = path
    .split("/")
    .at(-1)!
    .replace(/(?:\.(?:test|d))?\.ts$/, "");
  const isVague = path
    .replace(/\.ts$/, "")
    .split(/[/.-]/)
    .some((word) => VAGUE_NAMES.includes(word));
  if (isVague) return [`${path} does not say what it is`];
  return /^[a-z\d]+(?:-[a-z\d]+)*$/.test(name) ? [] : [`${path} is not kebab-case`];
}
