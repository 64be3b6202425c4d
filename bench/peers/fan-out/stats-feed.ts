/** onefold's `/ws/stats`: eight events are published at a time, one a topic, so each delta tells of every topic. */

import { EventText, SMALL_EVENTS } from "../../load/event-text.ts";
import { FrameReader, frameHead, upgradeRequest } from "../../load/ws-frames.ts";
import type { Feed } from "./feed.ts";

/** The least that can be asked for: what is waited beyond it is the fan-out's. */
const SUBSCRIBE = '{"type":"subscribe","topics":[],"interval":20}';

const DELTA = '{"type":"delta"';

export class StatsFeed implements Feed {
  messageBytes = 0;
  readonly #text = new EventText(SMALL_EVENTS.topics, { head: "[", tail: "]" });
  #number = 0;

  /** @param onFailure Of a connection or a publication, at any time. */
  constructor(
    private readonly url: URL,
    private readonly onFailure: (error: Error) => void,
  ) {}

  async subscribe(onDelivery: (publication: number) => void): Promise<void> {
    const reader = new FrameReader();
    const ready = Promise.withResolvers<void>();
    let snapshots = 0;
    let received = 0;
    const { hostname, port, host } = this.url;
    const take = (bytes: Buffer, start: number, end: number): void => {
      const text = bytes.toString("latin1", start, end);
      // One for the connection and one for the subscription that replaces it.
      if (!text.startsWith(DELTA)) return void (++snapshots === 2 && ready.resolve());
      this.messageBytes = text.length;
      received += Number(/"received":(\d+)/.exec(text)?.[1]);
      onDelivery(received / SMALL_EVENTS.topics - 1);
    };
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_socket, chunk) => {
          try {
            reader.read(chunk, take);
          } catch (error) {
            this.onFailure(error as Error);
          }
        },
      },
    });
    socket.write(upgradeRequest(new URL(`http://${host}/ws/stats`)));
    socket.write(Buffer.concat([frameHead(SUBSCRIBE.length), Buffer.from(SUBSCRIBE)]));
    await ready.promise;
  }

  publish(): void {
    const body = this.#text.write(() => this.#number++).toString("latin1");
    const headers = { "content-type": "application/json" };
    fetch(new URL("/publish", this.url), { method: "POST", headers, body })
      .then(({ status }) => {
        if (status !== 200) throw new Error(`POST /publish answered ${status}`);
      })
      .catch((error: unknown) => this.onFailure(error as Error));
  }
}
