/** The commands in docs/operations.md do what they say, on the data folder of a live node. */

import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { NodeProcess } from "../support/node-process.ts";
import { isMissing } from "../support/prerequisites.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { codeBlocks } from "./transcript.ts";

describe.skipIf(isMissing("sqlite"))("every command in docs/operations.md", () => {
  test("works while the node runs, and what it copies is a data folder", async () => {
    using folder = new TempFolder();
    await using node = await NodeProcess.start({ data: folder.file("data") });
    await node.publish([
      { topic: "orders", event_id: "1" },
      { topic: "orders", event_id: "1" },
    ]);
    const outputs: string[] = [];
    for (const { lines } of codeBlocks("docs/operations.md", "sh"))
      for (const line of lines) outputs.push(await Bun.$`sh -c ${line}`.cwd(folder.path).text());
    expect(outputs).toEqual(["orders|2|1\n", "ok\n", ""]);
    mkdirSync(folder.file("other"));
    await Bun.$`mv copy.db other/onefold.db`.cwd(folder.path);
    await using other = await NodeProcess.start({ data: folder.file("other") });
    expect(await other.stats()).toMatchObject({ received: 2, unique_processed: 1 });
  });
});
