/** A publisher that does nothing wrong, next to one that does: it must notice nothing. */

import { expect } from "bun:test";
import { withDeadline } from "./deadline.ts";
import type { NodeProcess } from "./node-process.ts";
import { openPublishChannel, type TestSocket } from "./socket.ts";

/** An acknowledgement that takes longer has been held up. */
const NOTICED_MS = 1_000;

export class Neighbour implements AsyncDisposable {
  acknowledgements = 0;
  slowestMs = 0;
  readonly #channel: TestSocket;
  readonly #done: Promise<void>;
  #isStopping = false;
  #wake = Promise.withResolvers<void>();

  private constructor(channel: TestSocket) {
    this.#channel = channel;
    this.#done = this.#publish();
    this.#done.catch(() => {});
  }

  /** Publishes one event after the other on a channel of its own. */
  static async beside(node: NodeProcess): Promise<Neighbour> {
    const neighbour = new Neighbour(await openPublishChannel(node.wsUrl));
    await neighbour.acknowledged(1);
    return neighbour;
  }

  /** Waits for so many more acknowledgements. */
  async acknowledged(count: number): Promise<void> {
    const target = this.acknowledgements + count;
    while (this.acknowledgements < target)
      await withDeadline(
        Promise.race([this.#wake.promise, this.#done]),
        () => "the neighbour's acknowledgement",
      );
  }

  /** Goes on for a while, and then every event must have been acknowledged, and none late. */
  async expectUndisturbed(): Promise<void> {
    await this.acknowledged(20);
    this.#isStopping = true;
    await this.#done;
    expect(this.slowestMs).toBeLessThan(NOTICED_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await this.#done.catch(() => {});
    this.#channel[Symbol.dispose]();
  }

  async #publish(): Promise<void> {
    for (let n = 1; !this.#isStopping; n++) {
      const sentAt = performance.now();
      this.#channel.send({
        type: "publish",
        id: n,
        events: [{ topic: "neighbour", event_id: crypto.randomUUID() }],
      });
      expect(await this.#channel.next()).toMatchObject({ type: "ack", id: n, unique_processed: 1 });
      this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
      this.acknowledgements++;
      this.#wake.resolve();
      this.#wake = Promise.withResolvers<void>();
    }
  }
}
