/** Publishers whose requests have keys: they send each again until it is answered, and now and then once more. */

import { expect } from "bun:test";
import { withDeadline } from "../support/deadline.ts";
import type { NodeProcess } from "../support/node-process.ts";
import type { SeededRandom } from "../support/seeded-random.ts";

const PUBLISHERS = 12;
const EVENTS_MAX = 8;

/** Few, so that requests hold each other's events: who is counted again is counted as a duplicate. */
const IDS = 400;

interface KeyedRequest {
  readonly key: string;
  readonly body: string;
  readonly ids: readonly string[];
  readonly query: string;
  /** The first one. */
  answer: string | undefined;
  /** An answer to it was lost. */
  isLost: boolean;
}

export class KeyedTraffic {
  readonly requests: KeyedRequest[] = [];
  /** Of all events that were answered. */
  readonly ids = new Set<string>();
  eventsAnswered = 0;
  replays = 0;
  /** Attempts without an answer, and how many of these requests had been stored. */
  lost = 0;
  lostButStored = 0;
  #answers = 0;
  #owed: KeyedRequest[] = [];
  #wake = Promise.withResolvers<void>();

  constructor(private readonly random: SeededRandom) {}

  /** Full load until the node is gone. */
  async publishUntilGone(node: NodeProcess): Promise<void> {
    this.#answers = 0;
    const publishers = Array.from({ length: PUBLISHERS }, async () => {
      while (await this.#send(node, this.#next()));
    });
    await Promise.all(publishers);
  }

  async untilAnswers(count: number): Promise<void> {
    while (this.#answers < count) await withDeadline(this.#wake.promise, () => `${count} answers`);
  }

  /** Sends what was never answered until it is, and everything else once more. */
  async settle(node: NodeProcess): Promise<void> {
    this.#owed = [];
    for (const request of this.requests) expect(await this.#send(node, request)).toBeTrue();
  }

  #next(): KeyedRequest {
    const { random, requests } = this;
    const owed = this.#owed.shift();
    if (owed !== undefined) return owed;
    if (requests.length > 0 && random.below(3) === 0) return requests[random.below(requests.length)]!;
    const ids = Array.from({ length: random.below(EVENTS_MAX) }, () => `e${random.below(IDS)}`);
    const request = {
      key: `request-${requests.length}`,
      body: JSON.stringify(ids.map((event_id) => ({ event_id }))),
      ids,
      query: random.below(2) === 0 ? "?results=true" : "",
      answer: undefined,
      isLost: false,
    };
    requests.push(request);
    return request;
  }

  /** @returns whether it was answered. */
  async #send(node: NodeProcess, request: KeyedRequest): Promise<boolean> {
    const { key, body, query } = request;
    for (;;) {
      let response: Response;
      let text: string;
      try {
        response = await node.post(body, { query, headers: { "idempotency-key": key } });
        text = await response.text();
      } catch {
        this.lost++;
        request.isLost = true;
        if (request.answer === undefined) this.#owed.push(request);
        return false;
      }
      // Another publisher has just sent it.
      if (response.status === 409) continue;
      expect({ status: response.status, text }).toEqual({ status: 200, text: expect.any(String) });
      this.#answered(request, text, response.headers.has("idempotency-replayed"));
      return true;
    }
  }

  #answered(request: KeyedRequest, text: string, isReplayed: boolean): void {
    if (isReplayed) this.replays++;
    if (request.answer === undefined) {
      // It was done before only if that answer was lost on its way.
      if (isReplayed) expect(request.isLost).toBeTrue();
      if (isReplayed) this.lostButStored++;
      request.answer = text;
      this.eventsAnswered += request.ids.length;
      for (const id of request.ids) this.ids.add(id);
    } else expect({ text, isReplayed }).toEqual({ text: request.answer, isReplayed: true });
    this.#answers++;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
