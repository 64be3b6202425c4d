/** Publishers as they are in the world: they remember what was not acknowledged, and send it again. */

import { addCounters, type Counters, countersOf, type EventResult, NO_COUNTERS } from "./contract.ts";
import type { NodeProcess } from "./node-process.ts";
import { type Frame, openPublishChannel, type TestSocket } from "./socket.ts";

export interface OutgoingEvent {
  readonly topic: string;
  readonly event_id: string;
  readonly payload: unknown;
}

export type OutgoingBatch = readonly OutgoingEvent[];

/** Publishes a batch; resolves when it has been acknowledged, rejects when it never will be. */
export type Publish = (batch: OutgoingBatch) => Promise<Answer>;

export type Answer = Counters & { readonly results?: readonly EventResult[] };

interface PublisherOptions {
  /** Asks for a result of each event. */
  readonly results?: boolean;
}

export function httpPublisher(node: NodeProcess, { results = false }: PublisherOptions = {}): Publish {
  return (batch) => node.publish(batch, results ? "?results=true" : "");
}

/** Publishes over one channel, with as many frames in flight as there are callers. */
export class SocketPublisher implements Disposable {
  readonly #channel: TestSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  #nextId = 1;

  private constructor(
    channel: TestSocket,
    private readonly options: PublisherOptions,
  ) {
    this.#channel = channel;
    void this.#read();
  }

  static async open(
    node: Pick<NodeProcess, "wsUrl">,
    options: PublisherOptions = {},
  ): Promise<SocketPublisher> {
    return new SocketPublisher(await openPublishChannel(node.wsUrl), options);
  }

  readonly publish: Publish = (batch) => {
    if (this.#channel.isClosed) return Promise.reject(new Error("The channel is closed."));
    const id = this.#nextId++;
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.set(id, answer);
    this.#channel.send({ type: "publish", id, events: batch, ...this.options });
    return answer.promise;
  };

  [Symbol.dispose](): void {
    this.#channel[Symbol.dispose]();
  }

  async #read(): Promise<void> {
    void this.#channel.closed.then(({ code }) =>
      this.#loseAll(new Error(`The channel closed with ${code}.`)),
    );
    for await (const answer of this.#channel.frames()) this.#settle(answer);
  }

  #settle(answer: Frame): void {
    const waiting = this.#waiting.get(answer.id as number);
    this.#waiting.delete(answer.id as number);
    if (answer.type === "ack") waiting?.resolve(answer);
    else waiting?.reject(new Error(`The frame was refused: ${JSON.stringify(answer)}`));
  }

  #loseAll(reason: Error): void {
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}

export function keyOf({ topic, event_id }: { topic: string; event_id: string }): string {
  return `${topic}\n${event_id}`;
}

/** What was sent and what came back, over any number of publishers and runs of the node. */
export class Journal {
  readonly sent = new Map<string, OutgoingEvent>();
  readonly acknowledged = new Set<string>();
  /** Sums of all acknowledgements. */
  counters = NO_COUNTERS;
  acknowledgements = 0;
  readonly #unacknowledged = new Set<OutgoingBatch>();
  #wake = Promise.withResolvers<void>();

  /** @returns whether it was acknowledged. */
  async publish(publish: Publish, batch: OutgoingBatch): Promise<boolean> {
    for (const event of batch) this.sent.set(keyOf(event), event);
    this.#unacknowledged.add(batch);
    let answer: Counters;
    try {
      answer = await publish(batch);
    } catch {
      return false;
    }
    this.#unacknowledged.delete(batch);
    for (const event of batch) this.acknowledged.add(keyOf(event));
    this.counters = addCounters(this.counters, countersOf(answer));
    this.acknowledgements++;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
    return true;
  }

  /** Publishes one batch after the other until there are no more, or one is lost. */
  async publishAll(publish: Publish, next: () => OutgoingBatch | undefined): Promise<void> {
    for (let batch = next(); batch !== undefined; batch = next())
      if (!(await this.publish(publish, batch))) return;
  }

  async untilAcknowledgements(count: number): Promise<void> {
    while (this.acknowledgements < count) await this.#wake.promise;
  }

  /** Batches whose fate is not known. */
  takeUnacknowledged(): OutgoingBatch[] {
    const batches = [...this.#unacknowledged];
    this.#unacknowledged.clear();
    return batches;
  }
}
