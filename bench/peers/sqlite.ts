/** SQLite as one would first think of it: a unique index, behind the same kind of server as onefold's. */

import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { removeFolder } from "../leftovers.ts";
import { makeDataFolder } from "../onefold-node.ts";
import type { Counted, Peer } from "./peer.ts";
import { startProgram } from "./server-program.ts";
import { ASCENDING_BATCHES, STREAMED_BATCHES } from "./shapes.ts";

const SERVER = [process.execPath, join(import.meta.dir, "sqlite-server.ts")];

export const sqlite: Peer = {
  name: "SQLite, unique index",
  request: "frame",
  isPipelined: true,
  setting: "WAL, synchronous FULL",
  durability: "synced",
  powerCut: "nothing lost: synced before the answer",
  duplicates: "for ever",
  shapes: [STREAMED_BATCHES, ASCENDING_BATCHES],
  obstacle: () => undefined,
  async start() {
    const folder = makeDataFolder();
    const port = freePort();
    const server = await startProgram([...SERVER, String(port), join(folder, "events.db")], { port, folder });
    const ask = async (path: string): Promise<unknown> =>
      (await fetch(`http://127.0.0.1:${port}/${path}`)).json();
    return {
      pid: server.pid,
      version: (await ask("version")) as string,
      folder,
      target: { protocol: "websocket", url: `ws://127.0.0.1:${port}/ws/publish` },
      counted: async () => (await ask("counters")) as Counted,
      async stop() {
        await server.stop();
        removeFolder(folder);
      },
    };
  },
};
