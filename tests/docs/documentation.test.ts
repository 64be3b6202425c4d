/** What the pages show is what the executable does. */

import { describe, expect, test } from "bun:test";
import { NodeProcess } from "../support/node-process.ts";
import { codeBlocks, expectShown, replay } from "./transcript.ts";

describe("every transcript in docs/protocol.md is what happens", () => {
  const blocks = codeBlocks("docs/protocol.md", "transcript");
  test("there are some", () => expect(blocks.length).toBeGreaterThan(4));
  for (const block of blocks) test(block.heading, () => replay(block));
});

test("the pages lead to both documents and to what shows them, and the node has all that they lead to", async () => {
  await using node = await NodeProcess.start();
  for (const page of ["README.md", "docs/protocol.md", "docs/architecture.md"]) {
    const text = await Bun.file(page).text();
    const addresses = new Set([...text.matchAll(/(?<=[`\s]|:8080)\/docs(?:\/[\w.-]+)*(?=`)/g)].map(String));
    for (const address of ["/docs", "/docs/json", "/docs/channels", "/docs/asyncapi.json"])
      expect({ page, addresses: [...addresses] }).toEqual({
        page,
        addresses: expect.arrayContaining([address]),
      });
    for (const address of addresses)
      expect({ address, status: (await fetch(node.url + address)).status }).toEqual({ address, status: 200 });
  }
});

test("every curl command in README.md prints what README.md shows", async () => {
  await using node = await NodeProcess.start();
  const text = codeBlocks("README.md", "sh")
    .map(({ lines }) => lines.join("\n"))
    .filter((block) => block.includes("curl"))
    .join("\n")
    .replaceAll("\\\n", " ");
  const lines = text.split("\n").filter((line) => line !== "");
  let shown = 0;
  for (const [i, line] of lines.entries()) {
    if (!line.startsWith("curl ")) continue;
    const command = line.replaceAll("localhost:8080", new URL(node.url).host);
    const output = await Bun.$`sh -c ${command}`.text();
    expect(output).not.toContain("urn:onefold:problem");
    const expected = lines[i + 1];
    if (!expected?.startsWith("# ")) continue;
    expectShown(output.trim(), expected.slice(2));
    shown++;
  }
  expect(shown).toBeGreaterThan(2);
});
