/** Run before the tests: installs the programs that they need and that are missing, where it may. */

import { complaint, find, PREREQUISITES, type PrerequisiteName } from "./prerequisites.ts";

const names = Object.keys(PREREQUISITES) as PrerequisiteName[];
const missing = (): PrerequisiteName[] => names.filter((name) => find(name) === undefined);

if (missing().length > 0 && process.getuid?.() === 0 && Bun.which("apt-get") !== null) {
  const packages = missing().map((name) => PREREQUISITES[name].package);
  console.log(`installing ${packages.join(", ")} for the tests`);
  const run = (...args: string[]): boolean => {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    return Bun.spawnSync(["apt-get", ...args], { env, stdout: "ignore", stderr: "inherit" }).success;
  };
  // A package that is not to be had must not keep the others from being installed.
  run("update");
  for (const name of packages) run("install", "-y", "--no-install-recommends", name);
}

for (const name of missing()) console.error(complaint(name));
if (missing().length > 0 && process.env.CI === "true") process.exit(1);
