/** Redis: a script that sets a key for each id, appends to a stream and counts, with the append-only file on. */

import { RedisClient } from "bun";
import { freePort } from "../free-port.ts";
import { removeFolder } from "../leftovers.ts";
import { makeDataFolder } from "../onefold-node.ts";
import { expectSetting, type Peer, type RunningPeer } from "./peer.ts";
import { notInstalled, startProgram, versionOf } from "./server-program.ts";
import { ONE_BY_ONE, STREAMED_BATCHES } from "./shapes.ts";

const PROGRAM = "redis-server";

/** Arguments: topic, id and text of each event. Counters are added up per call. */
const SCRIPT = `
local received, unique, fresh = {}, {}, 0
for i = 1, #ARGV, 3 do
  local topic = ARGV[i]
  received[topic] = (received[topic] or 0) + 1
  if redis.call('SET', 'id:' .. topic .. ':' .. ARGV[i + 1], 1, 'NX') then
    redis.call('XADD', 'events:' .. topic, '*', 'event', ARGV[i + 2])
    unique[topic] = (unique[topic] or 0) + 1
    fresh = fresh + 1
  end
end
for topic, count in pairs(received) do redis.call('HINCRBY', 'received', topic, count) end
for topic, count in pairs(unique) do redis.call('HINCRBY', 'unique', topic, count) end
return fresh
`;

const COMMON = {
  name: "Redis, AOF",
  request: "script call",
  isPipelined: true,
  duplicates: "for ever, ids in memory",
  shapes: [STREAMED_BATCHES, ONE_BY_ONE],
  obstacle: () => notInstalled(PROGRAM),
} as const;

export const redisEverySecond: Peer = {
  ...COMMON,
  setting: "appendfsync everysec",
  durability: "not synced",
  powerCut: "up to 1 s lost",
  start: () => start("everysec"),
};

export const redisAlways: Peer = {
  ...COMMON,
  setting: "appendfsync always",
  durability: "synced",
  powerCut: "nothing lost: synced before the answer",
  start: () => start("always"),
};

async function start(appendfsync: string): Promise<RunningPeer> {
  const folder = makeDataFolder();
  const port = freePort();
  const settings = {
    port: String(port),
    bind: "127.0.0.1",
    dir: folder,
    appendonly: "yes",
    appendfsync,
    // Its snapshots are a second copy of the data that the append-only file makes needless.
    save: "",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const server = await startProgram([PROGRAM, ...flags], { port, folder });
  const client = new RedisClient(`redis://127.0.0.1:${port}`);
  const { appendfsync: inForce } = (await client.send("CONFIG", ["GET", "appendfsync"])) as Record<
    string,
    string
  >;
  expectSetting("appendfsync", inForce, appendfsync);
  return {
    pid: server.pid,
    version: versionOf([PROGRAM, "--version"]),
    folder,
    target: { protocol: "redis", port, scriptSha: (await client.send("SCRIPT", ["LOAD", SCRIPT])) as string },
    async counted() {
      const received = await sumOfHash(client, "received");
      return { received, unique: await sumOfHash(client, "unique") };
    },
    async stop() {
      client.close();
      await server.stop();
      removeFolder(folder);
    },
  };
}

async function sumOfHash(client: RedisClient, key: string): Promise<number> {
  const values = (await client.send("HVALS", [key])) as string[];
  return values.reduce((total, value) => total + Number(value), 0);
}
