/** An MQTT broker: one message to all, at QoS 0, that begins with its ordinal. */

import type { Socket } from "bun";
import type { Feed } from "./feed.ts";
import {
  connectPacket,
  PacketReader,
  PUBLISH,
  publishPacket,
  SUBACK,
  subscribePacket,
} from "./mqtt-frames.ts";

const TOPIC = "stats";
const ORDINAL_DIGITS = 8;

export class MqttFeed implements Feed {
  #clients = 0;
  readonly #payload: Buffer;
  #publisher: Socket | undefined;

  constructor(
    private readonly port: number,
    readonly messageBytes: number,
    private readonly onFailure: (error: Error) => void,
  ) {
    this.#payload = Buffer.alloc(messageBytes, "x");
  }

  async subscribe(onDelivery: (publication: number) => void): Promise<void> {
    const ready = Promise.withResolvers<void>();
    const socket = await this.#connect((type, body) => {
      if (type === SUBACK) ready.resolve();
      if (type !== PUBLISH) return;
      const start = 2 + body.readUInt16BE(0);
      onDelivery(Number(body.toString("latin1", start, start + ORDINAL_DIGITS)));
    });
    socket.write(subscribePacket(TOPIC));
    await ready.promise;
    this.#publisher ??= await this.#connect(() => {});
  }

  publish(publication: number): void {
    this.#payload.write(String(publication).padStart(ORDINAL_DIGITS, "0"), "latin1");
    this.#publisher!.write(publishPacket(TOPIC, this.#payload));
  }

  async #connect(onPacket: (type: number, body: Buffer) => void): Promise<Socket> {
    const reader = new PacketReader();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: this.port,
      socket: {
        data: (_socket, chunk) => {
          try {
            reader.read(chunk, onPacket);
          } catch (error) {
            this.onFailure(error as Error);
          }
        },
      },
    });
    socket.write(connectPacket(`bench-${this.#clients++}`));
    return socket;
  }
}
