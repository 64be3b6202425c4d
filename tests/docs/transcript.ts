/** Reads and replays the transcripts in the documentation: what they say is sent, what they show must come back. */

import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NodeProcess } from "../support/node-process.ts";
import { TestSocket } from "../support/socket.ts";

const ROOT = join(import.meta.dir, "../..");

/** Stands for a line feed in a body, which is one of NDJSON then. */
const LINE_END = "⏎";

export interface CodeBlock {
  readonly heading: string;
  readonly lines: readonly string[];
}

/** The code blocks of one language in a page, each with the heading that it stands under. */
export function codeBlocks(page: string, language: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let heading = "";
  let open: string[] | undefined;
  for (const line of readFileSync(join(ROOT, page), "utf8").split("\n")) {
    if (open !== undefined && line === "```") open = undefined;
    else if (open !== undefined) open.push(line);
    else if (line === `\`\`\`${language}`) blocks.push({ heading, lines: (open = []) });
    else if (line.startsWith("#")) heading = line.replace(/^#+ /, "");
  }
  return blocks;
}

/** Asserts that a text is what a page shows, where `…` stands for anything. */
export function expectShown(actual: string, shown: string): void {
  const pattern = shown.split("…").map(RegExp.escape).join("[\\s\\S]*?");
  if (new RegExp(`^${pattern}$`).test(actual)) return;
  expect(actual).toBe(shown);
}

/** Replays one transcript on a node of its own. Lines that begin with `+` are headers of the request that follows. */
export async function replay({ lines }: CodeBlock): Promise<void> {
  await using node = await NodeProcess.start();
  const path = lines[0]!.startsWith("# ") ? lines[0]!.slice(2) : undefined;
  using socket = path === undefined ? undefined : await TestSocket.open(`${node.wsUrl}${path}`);
  let answer: string | undefined;
  let headers: Record<string, string> = {};
  for (const line of path === undefined ? lines : lines.slice(1)) {
    const text = line.slice(2);
    const request = /^(GET|POST|DELETE) (\S+)(?: (.*))?$/.exec(text);
    if (line.startsWith("+ ")) {
      const [name, ...value] = text.split(": ");
      headers = { ...headers, [name!]: value.join(": ") };
    } else if (line.startsWith("> ") && request !== null) {
      answer = await send(node.url, request, headers);
      headers = {};
    } else if (line.startsWith("> ")) socket!.send(text);
    else if (answer !== undefined) {
      expectShown(answer, text);
      answer = undefined;
    } else expectShown(await socket!.nextText(), text);
  }
}

/** That an answer was given before is shown in front of it. */
async function send(
  url: string,
  [, method, path, body]: RegExpExecArray,
  more: Readonly<Record<string, string>>,
): Promise<string> {
  const type = body?.includes(LINE_END) ? "application/x-ndjson" : "application/json";
  const headers = { "content-type": type, ...more };
  const response = await fetch(`${url}${path}`, {
    method: method!,
    headers,
    ...(body !== undefined && { body: body.replaceAll(LINE_END, "\n") }),
  });
  const replayed = response.headers.has("idempotency-replayed") ? "(idempotency-replayed: true) " : "";
  return `${response.status} ${replayed}${await response.text()}`;
}
