/** Requests to a node, with every way in which they can fail told in one sentence. */

import { jsonIn, refused, unreachable } from "../unreachable.ts";

/** A load test cannot go on; the message is one sentence for the person who started it. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

/** The node did not take a batch; nothing of it was stored, and it can be sent again. */
export class TryAgain extends Error {
  override readonly name = "TryAgain";
  constructor(
    detail: string,
    readonly afterMs: number,
  ) {
    super(detail);
  }
}

const TOPICS_HINT = " --topic-prefix gives the run topics that the token covers.";

/** A node answers in milliseconds; one that takes so long does not answer any more. */
export const ANSWER_TIMEOUT_MS = 30_000;

/** Where a node is, and what is brought to it with every request. */
export interface NodeAddress {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
}

export function credentialsFor({ token }: NodeAddress): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** What a node says of something it refuses: members of a problem document or of an error frame. */
export interface Refusal {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
}

/** How long to wait before sending again, where the node does not say. */
const RETRY_DELAY_MS = 1_000;

/** A wait that a node asks for is cut to this. */
const RETRY_DELAY_MAX_MS = 5_000;

/** @throws LoadError when nothing answers. */
export async function ask(node: NodeAddress, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...(init.headers as Record<string, string> | undefined), ...credentialsFor(node) };
  try {
    return await fetch(`${node.url}${path}`, {
      ...init,
      headers,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
  } catch (error) {
    throw new LoadError(sentenceOf(node.url, error));
  }
}

/** GETs JSON. @throws LoadError when nothing answers, or not with JSON. */
export async function askJson(node: NodeAddress, path: string): Promise<unknown> {
  const response = await ask(node, path);
  const text = await response.text();
  if (response.ok) return parseAnswer(text);
  const what = `GET ${path.split("?")[0]}`;
  throw new LoadError(refused(what, response.status, jsonIn(text), TOPICS_HINT));
}

/** @throws LoadError */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LoadError("What answers there is no onefold node: its answer is not JSON.");
  }
}

/**
 * What to do about a refused batch.
 * @param retryAfter the header, in seconds, where there is one.
 */
export function refusalError(
  { status, code, detail = "no reason given" }: Refusal,
  retryAfter: string | null = null,
): LoadError | TryAgain {
  // What may have been stored would be counted twice if it were sent again: the counts could not be exact.
  if (code !== "outcome_unknown" && (status === 429 || status === 503)) {
    const seconds = Number(retryAfter);
    const afterMs = retryAfter !== null && seconds >= 0 ? seconds * 1_000 : RETRY_DELAY_MS;
    return new TryAgain(detail, Math.min(afterMs, RETRY_DELAY_MAX_MS));
  }
  return new LoadError(refused("a batch", status, { code, detail }, TOPICS_HINT));
}

/** A channel that was opened only to be told why it may not be. */
export function refusedChannel(refusal: Refusal): string {
  return refused("a publish channel", refusal.status, refusal, TOPICS_HINT);
}

function sentenceOf(url: string, error: unknown): string {
  const { origin } = new URL(url);
  if (error instanceof Error && error.name === "TimeoutError") {
    return `${origin} gave no answer within ${ANSWER_TIMEOUT_MS / 1_000} seconds.`;
  }
  return unreachable(origin, error);
}
