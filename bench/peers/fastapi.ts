/** A FastAPI service over sqlite3, in one uvicorn process. */

import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { removeFolder } from "../leftovers.ts";
import { makeDataFolder } from "../onefold-node.ts";
import { expectSetting, type Peer } from "./peer.ts";
import { startProgram } from "./server-program.ts";
import { REQUESTS_OF_100, REQUESTS_OF_ONE } from "./shapes.ts";

/** Debian's packages are for Debian's Python, which need not be the first on the PATH. */
const PYTHONS = ["/usr/bin/python3", "python3"];

const VERSIONS = "import fastapi, uvicorn, sqlite3; print(fastapi.__version__, sqlite3.sqlite_version)";

/** SQLite's number for `synchronous=FULL`. */
const FULL = 2;

interface Stats {
  readonly received: number;
  readonly unique: number;
  readonly rows: number;
  readonly journal: string;
  readonly synchronous: number;
}

export const fastapi: Peer = {
  name: "FastAPI + sqlite3",
  request: "request",
  isPipelined: false,
  setting: "rollback journal, synchronous FULL",
  durability: "synced",
  powerCut: "nothing lost: synced before the answer",
  duplicates: "for ever",
  shapes: [REQUESTS_OF_100, REQUESTS_OF_ONE],
  obstacle: () => (python() === undefined ? "fastapi and uvicorn are not installed" : undefined),
  async start() {
    const { program, version } = python()!;
    const folder = makeDataFolder();
    const port = freePort();
    const database = `EVENTS_DB=${join(folder, "events.db")}`;
    const flags = ["--app-dir", import.meta.dir, "--port", String(port), "--log-level", "warning"];
    // Otherwise Python leaves its compiled form beside the source.
    const command = ["env", database, "PYTHONDONTWRITEBYTECODE=1", program, "-m", "uvicorn", ...flags];
    const server = await startProgram([...command, "fastapi_service:app"], { port, folder });
    const url = `http://127.0.0.1:${port}`;
    const stats = async (): Promise<Stats> => (await (await fetch(`${url}/stats`)).json()) as Stats;
    const { journal, synchronous } = await stats();
    expectSetting("journal_mode", journal, "delete");
    expectSetting("synchronous", synchronous, FULL);
    return {
      pid: server.pid,
      version,
      folder,
      target: { protocol: "http", url: `${url}/publish` },
      async counted() {
        const { received, rows } = await stats();
        return { received, unique: rows };
      },
      async stop() {
        await server.stop();
        removeFolder(folder);
      },
    };
  },
};

function python(): { program: string; version: string } | undefined {
  for (const program of PYTHONS) {
    if (Bun.which(program) === null) continue;
    const { success, stdout } = Bun.spawnSync([program, "-c", VERSIONS], { stderr: "ignore" });
    if (success) return { program, version: stdout.toString().trim().replace(" ", ", SQLite ") };
  }
  return undefined;
}
