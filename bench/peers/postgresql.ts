/** PostgreSQL: one statement inserts a batch, skips what is there already, and counts, in one transaction. */

import { chmodSync, chownSync, existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { SQL } from "bun";
import { freePort } from "../free-port.ts";
import { removeFolder } from "../leftovers.ts";
import { makeDataFolder } from "../onefold-node.ts";
import { expectSetting, type Peer, type RunningPeer } from "./peer.ts";
import { startProgram, versionOf } from "./server-program.ts";

/** Debian keeps its programs here, one folder a version, and off the PATH. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";

/** It refuses to run as root: then it runs as the user that its package has made. */
const USER = "postgres";

const START_TIMEOUT_MS = 15_000;
const POLL_MS = 20;

const TABLES = `
  CREATE TABLE events (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    event_id text NOT NULL,
    "timestamp" text,
    source text,
    payload jsonb,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, event_id)
  );
  CREATE TABLE counters (topic text PRIMARY KEY, received bigint NOT NULL, unique_processed bigint NOT NULL);
`;

/**
 * Keys are inserted in their order, so that two such statements cannot wait for each other; counters come after all
 * of them, and in order too.
 */
const STATEMENT = `
  WITH batch AS (
    SELECT * FROM json_to_recordset($1::text::json)
      AS event(topic text, event_id text, "timestamp" text, source text, payload jsonb)
  ), fresh AS (
    INSERT INTO events (topic, event_id, "timestamp", source, payload)
      SELECT topic, event_id, "timestamp", source, payload FROM batch ORDER BY topic, event_id
      ON CONFLICT DO NOTHING RETURNING topic
  ), counted AS (
    SELECT topic, count(*) AS received,
      (SELECT count(*) FROM fresh WHERE fresh.topic = batch.topic) AS unique_processed
      FROM batch GROUP BY topic ORDER BY topic
  )
  INSERT INTO counters SELECT topic, received, unique_processed FROM counted
    ON CONFLICT (topic) DO UPDATE SET received = counters.received + excluded.received,
      unique_processed = counters.unique_processed + excluded.unique_processed
`;

export const postgresql: Peer = {
  name: "PostgreSQL",
  request: "statement",
  isPipelined: true,
  setting: "synchronous_commit on, as shipped",
  durability: "synced",
  powerCut: "nothing lost: synced before the answer",
  duplicates: "for ever",
  shapes: [{ eventsPerRequest: 1_000, connections: 2, requestsInFlight: 1, ids: "random" }],
  obstacle: () => (programFolder() === undefined ? "postgresql is not installed" : undefined),
  start,
};

/** Of the latest version there is. */
function programFolder(): string | undefined {
  const onPath = Bun.which("initdb");
  // A link may stand there alone, without the programs beside it.
  if (onPath !== null) return dirname(realpathSync(onPath));
  if (!existsSync(DEBIAN_FOLDER)) return undefined;
  return readdirSync(DEBIAN_FOLDER)
    .sort(Bun.semver.order)
    .map((version) => join(DEBIAN_FOLDER, version, "bin"))
    .findLast((folder) => existsSync(join(folder, "initdb")));
}

async function start(): Promise<RunningPeer> {
  const programs = programFolder()!;
  const folder = makeDataFolder();
  const port = freePort();
  const asUser = process.getuid?.() === 0 ? giveAway(folder) : [];
  const data = join(folder, "data");
  const initdb = [
    ...asUser,
    join(programs, "initdb"),
    "--pgdata",
    data,
    "--auth",
    "trust",
    "--username",
    USER,
  ];
  const { success, stderr } = Bun.spawnSync([...initdb, "--encoding", "UTF8"], { cwd: folder });
  if (!success) throw new Error(`initdb failed: ${stderr}`);
  const flags = ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder];
  const program = [...asUser, join(programs, "postgres"), ...flags];
  // SIGINT is its fast shutdown.
  const server = await startProgram(program, { port, folder, stopSignal: "SIGINT" });
  await untilItTakesQueries(join(programs, "pg_isready"), port);
  const url = `postgres://${USER}@127.0.0.1:${port}/postgres`;
  const sql = new SQL({ url, max: 1 });
  for (const setting of ["synchronous_commit", "fsync"]) {
    const [row] = (await sql.unsafe(`SHOW ${setting}`)) as Record<string, string>[];
    expectSetting(setting, row?.[setting], "on");
  }
  await sql.unsafe(TABLES);
  return {
    pid: server.pid,
    version: versionOf([join(programs, "postgres"), "--version"]),
    folder,
    target: { protocol: "postgresql", url, statement: STATEMENT },
    async counted() {
      const [row] = (await sql.unsafe(
        "SELECT sum(received) AS received, sum(unique_processed) AS counted, (SELECT count(*) FROM events) AS rows FROM counters",
      )) as { received: string; counted: string; rows: string }[];
      if (row!.counted !== row!.rows) throw new Error(`${row!.counted} are counted, ${row!.rows} are there`);
      return { received: Number(row!.received), unique: Number(row!.rows) };
    },
    async stop() {
      await sql.close();
      await server.stop();
      removeFolder(folder);
    },
  };
}

/** It takes connections a moment before it takes queries. */
async function untilItTakesQueries(isReady: string, port: number): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!Bun.spawnSync([isReady, "-h", "127.0.0.1", "-p", String(port)]).success) {
    if (performance.now() > deadline) throw new Error("postgres takes no queries");
    await Bun.sleep(POLL_MS);
  }
}

/** @returns What a command begins with to run as the folder's new owner. */
function giveAway(folder: string): readonly string[] {
  const id = (flag: string): number => Number(Bun.spawnSync(["id", flag, USER]).stdout.toString());
  chownSync(folder, id("-u"), id("-g"));
  chmodSync(folder, 0o700);
  return ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"];
}
