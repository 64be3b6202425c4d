/** NATS JetStream: a stream in files, duplicates known by `Nats-Msg-Id`. */

import { freePort } from "../free-port.ts";
import { removeFolder } from "../leftovers.ts";
import { makeDataFolder } from "../onefold-node.ts";
import { requestJetStream } from "./nats-request.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import { notInstalled, startProgram, versionOf } from "./server-program.ts";
import { ONE_BY_ONE } from "./shapes.ts";

/** Another than the one on the PATH: what distributions carry may be too old for `sync_interval`. */
const PROGRAM = process.env.NATS_SERVER ?? "nats-server";

const SUBJECT = "events";

/** The first with `sync_interval`. */
const SYNC_SETTING_SINCE = "2.10.0";

const STREAM = {
  name: "EVENTS",
  subjects: [`${SUBJECT}.*`],
  storage: "file",
  retention: "limits",
  max_msgs: -1,
  max_bytes: -1,
  // Nanoseconds; the server's own default, said aloud because the table names it.
  duplicate_window: 120e9,
};

const COMMON = {
  name: "NATS JetStream",
  request: "message",
  isPipelined: true,
  duplicates: "for 2 min",
  shapes: [ONE_BY_ONE],
} as const;

export const natsAsShipped: Peer = {
  ...COMMON,
  setting: "as shipped",
  durability: "not synced",
  powerCut: "up to 2 min lost",
  obstacle: () => notInstalled(PROGRAM),
  start: () => start(""),
};

export const natsSynced: Peer = {
  ...COMMON,
  setting: "sync_interval: always",
  durability: "synced",
  powerCut: "nothing lost: synced before the answer",
  obstacle: () => notInstalled(PROGRAM) ?? tooOld(versionOf([PROGRAM, "--version"])),
  start: () => start(", sync_interval: always"),
};

function tooOld(version: string): string | undefined {
  return Bun.semver.order(version, SYNC_SETTING_SINCE) >= 0
    ? undefined
    : `nats-server ${version} has no sync_interval, which came with ${SYNC_SETTING_SINCE} (NATS_SERVER=<path> names another)`;
}

async function start(setting: string): Promise<RunningPeer> {
  const folder = makeDataFolder();
  const port = freePort();
  const configuration = `${folder}/nats.conf`;
  await Bun.write(
    configuration,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${folder}/store"${setting} }\n`,
  );
  const server = await startProgram([PROGRAM, "--config", configuration], { port, folder });
  await requestJetStream(port, `STREAM.CREATE.${STREAM.name}`, STREAM);
  return {
    pid: server.pid,
    version: versionOf([PROGRAM, "--version"]),
    folder,
    target: { protocol: "nats", port, subject: SUBJECT },
    async counted() {
      const { state } = await requestJetStream(port, `STREAM.INFO.${STREAM.name}`, {});
      return { unique: (state as { messages: number }).messages };
    },
    async stop() {
      await server.stop();
      removeFolder(folder);
    },
  };
}
