/** onefold itself, as a user starts it, over its WebSocket and over HTTP. */

import { startOnefold } from "../onefold-node.ts";
import type { Peer, RunningPeer } from "./peer.ts";
import {
  ASCENDING_BATCHES,
  ONE_BY_ONE,
  REQUESTS_OF_100,
  REQUESTS_OF_ONE,
  STREAMED_BATCHES,
} from "./shapes.ts";

const PROMISE = {
  setting: "as shipped",
  durability: "synced",
  powerCut: "nothing lost: synced before the answer",
  duplicates: "for ever",
  obstacle: () => undefined,
} as const;

export const onefoldWebSocket: Peer = {
  ...PROMISE,
  name: "onefold, WebSocket",
  request: "frame",
  isPipelined: true,
  shapes: [STREAMED_BATCHES, ASCENDING_BATCHES, ONE_BY_ONE],
  start: () => start("websocket"),
};

export const onefoldHttp: Peer = {
  ...PROMISE,
  name: "onefold, HTTP",
  request: "request",
  isPipelined: false,
  shapes: [REQUESTS_OF_100, REQUESTS_OF_ONE],
  start: () => start("http"),
};

interface Stats {
  readonly received: number;
  readonly unique_processed: number;
  readonly conflicts: number;
  readonly rejected: number;
}

async function start(protocol: "websocket" | "http"): Promise<RunningPeer> {
  const node = await startOnefold();
  const { version } = (await (await fetch(`${node.url}/health`)).json()) as { version: string };
  return {
    pid: node.pid,
    version,
    folder: node.folder,
    target: { protocol, url: node.url + (protocol === "http" ? "/publish" : "/ws/publish") },
    async counted() {
      const stats = (await (await fetch(`${node.url}/stats`)).json()) as Stats;
      if (stats.conflicts + stats.rejected > 0) throw new Error(`wrong count: ${JSON.stringify(stats)}`);
      return { received: stats.received, unique: stats.unique_processed };
    },
    stop: node.stop,
  };
}
