/** A client of /ws/events that finds fault with what comes twice, out of order, or is missing without a word. */

import { expect } from "bun:test";
import type { StoredEvent } from "./contract.ts";
import { TestSocket } from "./socket.ts";

interface FeedFrame {
  readonly type: string;
  readonly events?: readonly StoredEvent[];
  readonly from?: number;
  readonly to?: number;
  readonly code?: string;
}

export class FeedFollower implements Disposable {
  readonly seqs: number[] = [];
  readonly events: StoredEvent[] = [];
  readonly gaps: { from: number; to: number }[] = [];
  frames = 0;

  private constructor(readonly socket: TestSocket) {}

  /** @param query without the question mark. */
  static async open(wsUrl: string, query = ""): Promise<FeedFollower> {
    return new FeedFollower(await TestSocket.open(`${wsUrl}/ws/events?${query}`));
  }

  get last(): number {
    return this.seqs.at(-1) ?? 0;
  }

  /** Takes frames until the condition holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) this.#take(JSON.parse(await this.socket.nextText()) as FeedFrame);
  }

  async untilEvents(count: number): Promise<void> {
    await this.until(() => this.seqs.length >= count);
  }

  #take({ type, events, from, to }: FeedFrame): void {
    if (type === "pong") return;
    this.frames++;
    if (type === "gap") {
      expect(from).toBeGreaterThan(this.gaps.at(-1)?.to ?? 0);
      this.gaps.push({ from: from!, to: to! });
      return;
    }
    expect(type).toBe("events");
    for (const event of events!) {
      expect(event.seq).toBeGreaterThan(this.last);
      this.seqs.push(event.seq);
      this.events.push(event);
    }
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }
}
