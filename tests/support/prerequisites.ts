/** Programs that some tests need beside this repository: where each is, and which package of Debian has it. */

interface Prerequisite {
  /** Of Debian and Ubuntu. */
  readonly package: string;
  /** Absolute; may be a pattern, where the version is a part of the path. */
  readonly path: string;
}

export const PREREQUISITES = {
  chromium: { package: "chromium", path: "/usr/bin/chromium" },
  // A program of its own in Debian 12, a plugin of docker elsewhere; both take the same commands.
  compose: { package: "docker-compose", path: "/usr/{bin,libexec}/**/docker-compose" },
  openssl: { package: "openssl", path: "/usr/bin/openssl" },
  // For user and limit of a process that runs or is about to: both are on every Debian.
  prlimit: { package: "util-linux", path: "/usr/bin/prlimit" },
  setpriv: { package: "util-linux", path: "/usr/bin/setpriv" },
  strace: { package: "strace", path: "/usr/bin/strace" },
  sqlite: { package: "sqlite3", path: "/usr/bin/sqlite3" },
  python: { package: "python3", path: "/usr/bin/python3" },
} as const satisfies Record<string, Prerequisite>;

export type PrerequisiteName = keyof typeof PREREQUISITES;

/** Where the program is, or undefined. */
export function find(name: PrerequisiteName): string | undefined {
  const [found] = new Bun.Glob(PREREQUISITES[name].path.slice(1)).scanSync({
    cwd: "/",
    absolute: true,
    followSymlinks: true,
    onlyFiles: true,
  });
  return found;
}

/** Says what is missing on its own lines, so that nobody takes a skip for a pass. */
export function complaint(name: PrerequisiteName): string {
  const line = `${name} is missing: install the package ${PREREQUISITES[name].package}`;
  return `\n${"!".repeat(80)}\n!!! TESTS SKIPPED: ${line}.\n${"!".repeat(80)}\n`;
}

/**
 * For `describe.skipIf`. Says aloud what is skipped.
 * @throws Error under `CI=true`, where nothing may be skipped.
 */
export function isMissing(name: PrerequisiteName): boolean {
  if (find(name) !== undefined) return false;
  if (process.env.CI === "true")
    throw new Error(`${name} is missing, and under CI=true no test may be skipped.`);
  console.error(complaint(name));
  return true;
}
