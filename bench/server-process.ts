/** A server under load: a child process that says its address in a line on stdout, and is stopped by a signal. */

import { startChild } from "./leftovers.ts";

export interface ServerProcess {
  readonly pid: number;
  /** `http://host:port` */
  readonly url: string;
  stop(): Promise<void>;
}

/** @throws Error when the process ends without an address. */
export async function startServer(command: readonly string[]): Promise<ServerProcess> {
  const child = startChild(command);
  const url = await addressIn(child.stdout);
  if (url === undefined) throw new Error(`${command.join(" ")} did not start`);
  return {
    pid: child.pid,
    url,
    stop: async () => {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

async function addressIn(output: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true });
    const url = /http:\/\/[^\s/]+:\d+/.exec(text)?.[0];
    if (url !== undefined && text.endsWith("\n")) return url;
  }
  return undefined;
}
