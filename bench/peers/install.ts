/** `--install`: installs the peers that are missing, from the distribution's packages, and starts none of them. */

import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";

const PACKAGES = [
  "nats-server",
  "redis-server",
  "postgresql",
  "mosquitto",
  "python3-fastapi",
  "python3-uvicorn",
  // What makes uvicorn fast; its package only recommends them.
  "python3-uvloop",
  "python3-httptools",
] as const;

/** Asked by packages before they start a service: 101 is no. */
const POLICY = "/usr/sbin/policy-rc.d";
const POLICY_TEXT = "#!/bin/sh\nexit 101\n";

/** @throws Error when it may not. */
export function installPeers(): void {
  if (process.getuid?.() !== 0 || Bun.which("apt-get") === null) {
    throw new Error("--install needs root, and apt-get");
  }
  // One that is there is somebody else's, and stays.
  const isPolicyOurs = !existsSync(POLICY);
  if (isPolicyOurs) {
    writeFileSync(POLICY, POLICY_TEXT);
    chmodSync(POLICY, 0o755);
  }
  try {
    run("update");
    // A package that is not to be had must not keep the others from being installed; the table tells which is missing.
    for (const name of PACKAGES) run("install", "-y", "--no-install-recommends", name);
  } finally {
    if (isPolicyOurs) rmSync(POLICY);
  }
}

function run(...args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  Bun.spawnSync(["apt-get", ...args], { env, stdout: "ignore", stderr: "inherit" });
}
