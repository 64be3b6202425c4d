/** examples/README.md: every command prints what the page shows. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { codeBlocks } from "../docs/transcript.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { isMissing } from "../support/prerequisites.ts";
import { Program } from "../support/program.ts";
import { example } from "./languages.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const ROOT = join(import.meta.dir, "../..");
const PAGE = "examples/README.md";

/** Each command with the line that it prints first. */
const COMMANDS = codeBlocks(PAGE, "sh").flatMap(({ lines }) =>
  lines.flatMap((line, i) => {
    const shown = lines[i + 1];
    return shown?.startsWith("# ") ? [{ command: line, shown: shown.slice(2) }] : [];
  }),
);

let node: NodeProcess;
beforeAll(async () => {
  node = await NodeProcess.start();
});
afterAll(() => node[Symbol.asyncDispose]());

/** The command as it stands, on the node of this test, and for the receiver on any free port. */
function here(command: string): string {
  const program = /examples\/\S+\.\w+/;
  // npx would be between us and the program when it is to end.
  if (command.includes("github-webhook"))
    return `${command.replace("npx bun", process.execPath)} ${node.url} 0`;
  if (command.includes("cloud-events")) return `${command} ${node.url}`;
  if (command.includes("127.0.0.1:8080"))
    return command.replace("ws://127.0.0.1:8080", node.wsUrl).replace("http://127.0.0.1:8080", node.url);
  return command.replace(program, (file) => `${file} ${node.wsUrl}`);
}

/** Only the addresses may be others than on the page. */
function withoutPorts(line: string): string {
  return line.replaceAll(/:\d{2,5}\b/g, ":PORT");
}

// One after the other, because the counts go on from one to the next.
test.skipIf(isMissing("python"))("every command prints what the page shows", async () => {
  expect(COMMANDS.length).toBe(10);
  for (const { command, shown } of COMMANDS) {
    await using program = new Program(["bash", "-c", `cd '${ROOT}' && ${here(command)}`]);
    await program.until(() => program.lines.length > 0);
    expect({ command, line: withoutPorts(program.lines[0]!) }).toEqual({
      command,
      line: withoutPorts(shown),
    });
  }
});

test("every example is on the page", async () => {
  const text = await Bun.file(example("README.md")).text();
  const entries = readdirSync(example("."), { withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map(({ name }) => name).filter((name) => name !== "README.md");
  expect(files.filter((name) => !text.includes(name))).toEqual([]);
});
