/** A node that has lost a thread is no node: it says so and ends, so that a supervisor can start it again. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { Program } from "../support/program.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

describe.each(["ledger", "reader", "checkpoint"])("when the %s thread dies", (thread) => {
  test.each([
    ["an error", "died on purpose"],
    ["nothing", "it ended without an error"],
  ])("of %s, the node says so in one line and ends with 1", async (death, reason) => {
    using folder = new TempFolder();
    const command = [process.execPath, join(import.meta.dir, "dying-node.ts"), thread, folder.path];
    await using node = new Program(command, { TEST_DEATH: death });
    expect(await node.end()).toBe(1);
    expect(node.stderr).toBe(`onefold: the ${thread} thread died: ${reason}\n`);
  });
});
