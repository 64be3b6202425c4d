/** Asks a running node over its public API, with every way in which that can fail told in one sentence. */

import { jsonIn, refused, unreachable } from "../unreachable.ts";

/** The node cannot be audited; the message is one sentence. */
export class NodeAuditError extends Error {
  override readonly name = "NodeAuditError";
}

export interface Counters {
  readonly received: number;
  readonly unique_processed: number;
  readonly duplicate_dropped: number;
  readonly conflicts: number;
}

export interface Stats extends Counters {
  readonly topics: Readonly<Record<string, Counters>>;
  readonly topic_count: number;
  readonly epoch: string;
}

export interface NodeEvent {
  readonly seq: number;
  readonly topic: string;
  readonly event_id: string;
  /** Of CloudEvents. */
  readonly scope?: string;
}

export interface NodePage {
  readonly events: readonly NodeEvent[];
  readonly next: string | null;
  readonly gap?: { readonly from: number; readonly to: number };
}

/** A page of ten thousand large events takes a while. */
const ANSWER_TIMEOUT_MS = 60_000;

export interface NodeAddress {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
}

export class NodeClient {
  readonly url: string;
  readonly #headers: Record<string, string>;

  constructor({ url, token }: NodeAddress) {
    this.url = url;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  async stats(): Promise<Stats> {
    const stats = (await this.#get("/stats")) as Stats;
    if (typeof stats?.received === "number" && typeof stats.topics === "object") return stats;
    throw new NodeAuditError(`What answers at ${this.url} is no onefold node.`);
  }

  async page(after: number | string, limit: number): Promise<NodePage> {
    const page = (await this.#get(`/events?after=${after}&limit=${limit}`)) as NodePage;
    if (Array.isArray(page?.events)) return page;
    throw new NodeAuditError(`What answers at ${this.url} is no onefold node.`);
  }

  async #get(path: string): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.url}${path}`, {
        headers: this.#headers,
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      if (error instanceof Error && error.name === "TimeoutError")
        throw new NodeAuditError(`${this.url} gave no answer within ${ANSWER_TIMEOUT_MS / 1_000} seconds.`);
      throw new NodeAuditError(unreachable(this.url, error));
    }
    if (!response.ok)
      throw new NodeAuditError(refused(`GET ${path.split("?")[0]}`, response.status, jsonIn(text)));
    try {
      return JSON.parse(text);
    } catch {
      throw new NodeAuditError(`What answers at ${this.url} is no onefold node: its answer is not JSON.`);
    }
  }
}
