/** The soak itself, for a few seconds: that it runs to its end, and says so when the node does not. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TEST_TIMEOUT_MS, withDeadline } from "../support/deadline.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const SOAK = join(import.meta.dir, "../../bench/soak/run.ts");

async function soak(...flags: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const child = Bun.spawn([process.execPath, SOAK, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  try {
    const ended = Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
    const [exitCode, stdout, stderr] = await withDeadline(
      ended,
      () => "the soak to end",
      TEST_TIMEOUT_MS - 5_000,
    );
    return { exitCode, stdout, stderr };
  } finally {
    // It takes its node and its data with it.
    child.kill("SIGTERM");
    await child.exited;
  }
}

test("five seconds of it: counts exact, every subscriber right, handles given back, a chart", async () => {
  using folder = new TempFolder();
  const flags = ["--seconds", "5", "--rate", "2000", "--seed", "1", "--chart", "--into", folder.path];
  const { exitCode, stdout, stderr } = await soak(...flags);
  expect({ exitCode, stdout, stderr }).toMatchObject({
    exitCode: 0,
    stdout: expect.not.stringContaining("FAIL"),
  });
  expect(stdout).toMatch(
    /^ok {3}counters are exact: received [1-9]\d+, unique [1-9]\d+, duplicates [1-9]\d+, conflicts [1-9]/,
  );
  const record = JSON.parse(readFileSync(folder.file("results/soak.json"), "utf8")) as {
    readonly samples: readonly {
      readonly residentBytes: number;
      readonly subscribers: { resumed: number };
    }[];
  };
  expect(record.samples.length).toBeGreaterThan(1);
  expect(record.samples.at(-1)!.residentBytes).toBePositive();
  expect(record.samples.at(-1)!.subscribers.resumed).toBePositive();
  expect(readFileSync(folder.file("charts/soak.svg"), "utf8")).toEndWith("</svg>\n");
});

test("a node that does not start ends it with 1 and the node's own words", async () => {
  using folder = new TempFolder();
  const flags = ["--seconds", "5", "--rate", "2000", "--serve-flags=--nonsense", "--into", folder.path];
  const { exitCode, stdout } = await soak(...flags);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(
    /^FAIL it ran to its end: the node did not start: onefold: There is no flag --nonsense/,
  );
  expect(existsSync(folder.file("results/soak.json"))).toBe(true);
});
