/** Streams of server-sent events: from every position, right or wrong, cut and asked for again at once. */

import type { Random } from "../simulation/random.ts";
import type { CursorTexts } from "./cursor-texts.ts";
import type { RequestCase, StreamCase } from "./fuzz-case.ts";
import { VALID_TOPICS } from "./hostile-texts.ts";
import type { RequestBytes } from "./request-bytes.ts";

const RECONNECTS_MAX = 6;

export class StreamRequests {
  constructor(
    private readonly random: Random,
    private readonly bytes: RequestBytes,
    private readonly cursors: CursorTexts,
  ) {}

  next(): StreamCase | RequestCase {
    const { random } = this;
    const channel = random.chance(0.6) ? "events" : "stats";
    if (random.chance(0.3)) return this.#from(channel);
    const patterns = random.chance(0.5) ? this.#patterns() : undefined;
    const after = channel === "events" ? random.pick(["0", "0", "latest", undefined]) : undefined;
    const parameters = [
      ...(patterns === undefined ? [] : [`topics=${encodeURIComponent(patterns.join(","))}`]),
      ...(after === undefined ? [] : [`after=${after}`]),
      ...(channel === "stats" && random.chance(0.5) ? ["interval=20"] : []),
    ];
    return {
      kind: "stream",
      channel,
      head: this.#head("GET", channel, parameters),
      reconnects: random.below(RECONNECTS_MAX + 1),
      reads: random.chance(0.7),
      patterns,
      after: after === "0" ? 0 : undefined,
    };
  }

  /** From a cursor; the head of the answer is all that is looked at. */
  #from(channel: "events" | "stats"): RequestCase {
    const { random } = this;
    const { text, isBad } = this.cursors.next(channel);
    const method = random.chance(0.8) ? "GET" : "HEAD";
    const isHeader = random.chance(0.5);
    // What stands in a header loses the white space around it, and bytes beyond Latin-1.
    const isOwed = isBad && (!isHeader || /^[!-~]+$/.test(text));
    const parameters = isHeader ? [] : [`last_event_id=${encodeURIComponent(text)}`];
    const line = isHeader ? `last-event-id: ${text}\r\n` : "";
    const head = this.#head(method, channel, parameters);
    const bytes = Buffer.from(`${head}${line}\r\n`, "latin1");
    return {
      kind: "request",
      method,
      bytes,
      isPublish: false,
      events: undefined,
      ...(isOwed && { statuses: [422] }),
    };
  }

  #head(method: string, channel: string, parameters: readonly string[]): string {
    const query = parameters.length === 0 ? "" : `?${parameters.join("&")}`;
    return this.bytes
      .request(method, `/${channel}/stream${query}`, [this.bytes.valid])
      .toString("latin1")
      .slice(0, -2);
  }

  #patterns(): string[] {
    const { random } = this;
    const topics = random.chance(0.2) ? ["nobody.publishes.this"] : VALID_TOPICS;
    return Array.from(
      { length: random.between(1, 3) },
      () => `${random.pick(topics)}${random.chance(0.3) ? "*" : ""}`,
    );
  }
}
