/** The curl commands in docs/protocol.md print what it shows, for as long as they are let run. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS, withDeadline } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { codeBlocks, expectShown } from "./transcript.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** The lines of a stream, as many as are expected; then whoever prints them is ended. */
async function firstLines(command: string, count: number): Promise<string> {
  const curl = Bun.spawn(["sh", "-c", `exec ${command}`], { stdout: "pipe", stderr: "inherit" });
  const decoder = new TextDecoder();
  let text = "";
  try {
    const read = async (): Promise<void> => {
      for await (const chunk of curl.stdout) {
        text += decoder.decode(chunk, { stream: true });
        if (text.split("\n").length > count) return;
      }
    };
    await withDeadline(read(), () => `${count} lines of ${command}, after:\n${text}`);
  } finally {
    curl.kill();
  }
  return text.split("\n").slice(0, count).join("\n");
}

test("streams that docs/protocol.md reads with curl are what it shows", async () => {
  await using node = await NodeProcess.start();
  for (const events of [[1, 2], [3]])
    await node.publish(events.map((i) => ({ topic: "orders", event_id: String(i) })));
  const block = codeBlocks("docs/protocol.md", "sh").find(({ heading }) => heading === "Server-sent events")!;
  const commands = block.lines.join("\n").split(/^(?=curl )/m);
  expect(commands).toHaveLength(3);
  for (const text of commands) {
    const [command = "", ...shown] = text.trimEnd().split("\n");
    const expected = shown.map((line) => line.replace(/^# ?/, ""));
    const lines = await firstLines(
      command.replace("localhost:8080", new URL(node.url).host),
      expected.length,
    );
    expectShown(lines, expected.join("\n"));
  }
});
