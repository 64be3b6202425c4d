/** Puts one publish load on a server, by whichever client it is for. */

import { join } from "node:path";
import { runLoad } from "../load-process.ts";
import type { ServerProcess } from "../server-process.ts";
import { publishChannelUrl } from "./channel.ts";
import type { HttpLoadOptions } from "./http-load.ts";
import type { EventMix, LoadResult } from "./load-result.ts";
import { runWrk } from "./wrk.ts";
import type { WsLoadOptions } from "./ws-load.ts";

export interface LoadShape {
  readonly client: "ws" | "autocannon" | "wrk";
  /** Events in one frame or request. */
  readonly eventsPerBatch: number;
  /** Frames over all connections; with HTTP connections, each with one request. */
  readonly inFlight: number;
}

export interface LoadTimes {
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export const WS_CONNECTIONS = 4;

const WS_LOAD = [process.execPath, join(import.meta.dir, "ws-load.ts")];

/** autocannon runs on Bun: on Node it takes about 1.7 times the CPU a request (README). */
const AUTOCANNON = [process.execPath, join(import.meta.dir, "http-load.ts")];

export interface PublishLoad extends LoadTimes {
  readonly shape: LoadShape;
  readonly mix: EventMix;
  readonly isEcho?: boolean;
}

export function runPublishLoad(
  { url, pid }: ServerProcess,
  { shape, mix, warmUpSeconds, seconds, isEcho = false }: PublishLoad,
): Promise<LoadResult> {
  const { client, eventsPerBatch, inFlight } = shape;
  const times = { warmUpSeconds, seconds };
  if (client === "ws") {
    const options: WsLoadOptions = {
      url: publishChannelUrl(url),
      serverPid: pid,
      eventsPerFrame: eventsPerBatch,
      connections: WS_CONNECTIONS,
      framesInFlightPerConnection: inFlight / WS_CONNECTIONS,
      mix,
      isEcho,
      ...times,
    };
    return runLoad(WS_LOAD, options);
  }
  const options: HttpLoadOptions = {
    url: `${url}/publish`,
    serverPid: pid,
    connections: inFlight,
    eventsPerRequest: eventsPerBatch,
    mix,
    ...times,
  };
  return client === "wrk" ? runWrk(options) : runLoad(AUTOCANNON, options);
}

/** Sends at least so many new events, in large frames, and gives what was sent. */
export async function fill(
  { url, pid }: ServerProcess,
  { events, mix }: { readonly events: number; readonly mix: EventMix },
): Promise<LoadResult["sent"]> {
  const options: WsLoadOptions = {
    url: publishChannelUrl(url),
    serverPid: pid,
    eventsPerFrame: mix.shape.payload === "small" ? 1_000 : 100,
    connections: 1,
    framesInFlightPerConnection: 4,
    mix: { ...mix, duplicates: { percent: 0, oldEvents: 0 } },
    fillEvents: events,
    warmUpSeconds: 0,
    seconds: 0,
  };
  return (await runLoad<LoadResult>(WS_LOAD, options)).sent;
}
