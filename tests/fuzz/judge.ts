/** What every answer must be, whatever was asked: whole, known, and silent about what is nobody's business. */

import { PROBLEM_CODES, type ProblemCode } from "../../src/problem.ts";
import type { Counters } from "../support/contract.ts";
import type { Answer } from "../support/open-api.ts";
import type { TrafficJudge } from "../support/traffic/traffic-judge.ts";
import { PLANTED_SECRET } from "./credentials.ts";
import type { HttpAnswer } from "./http-answer.ts";

/** An answer that breaks a promise. */
export class FuzzViolation extends Error {
  override readonly name = "FuzzViolation";
}

/** Stacks, parts of the executable, SQL. The fuzzer sends none of these itself, or only where they must not come back. */
const LEAKS = ["bunfs", "node_modules", ".ts:", "    at ", "SQLITE", "SELECT ", "onefold.db", PLANTED_SECRET];

const CODES: ReadonlySet<string> = new Set(PROBLEM_CODES);

/** Faults of ours; none of these may ever be an answer. */
const FAULTS: readonly ProblemCode[] = ["internal_error", "storage_failing", "outcome_unknown"];

/** What Bun's own parser answers before any of our code runs: without a body, and the connection ends. */
const PARSER_STATUSES = [400, 413, 426, 431, 505];

export interface Refusal {
  readonly code: string;
  /** As it came. */
  readonly text: string;
  readonly status: number;
  /** Of lines: what is in nevertheless. */
  readonly committed?: CommittedLines;
}

export interface CommittedLines extends Counters {
  readonly committed_lines: number;
  /** The one that is wrong, where one is. */
  readonly line?: number;
}

export class Judge {
  /** How often each status, code of a problem, and answer of the parser was seen. */
  readonly seen = new Map<string, number>();

  /**
   * @param documents of the node
   * @param secrets texts that no answer may have, such as the folder of the data
   */
  constructor(
    private readonly documents: TrafficJudge,
    private readonly secrets: readonly string[],
  ) {}

  /** An answer to a request with right framing. @returns the problem if it is a refusal. */
  http(method: string, { status, headers, body }: HttpAnswer): Refusal | undefined {
    this.saw(String(status));
    if (status < 400) {
      if (status < 200 || (status >= 300 && status !== 304)) throw new FuzzViolation(`The status ${status}`);
      this.leaks(body.toString("latin1"));
      this.leaks(headers.get("link") ?? "");
      if (method !== "HEAD") expectReadable(headers.get("content-type") ?? "", body);
      if (method !== "HEAD") this.#documented({ status, headers, text: body.toString() });
      return undefined;
    }
    const type = headers.get("content-type");
    if (type !== "application/problem+json") throw new FuzzViolation(`${status} of the type ${type}`);
    if ((status === 429 || status === 503) && !(Number(headers.get("retry-after")) > 0))
      throw new FuzzViolation(`${status} without Retry-After`);
    if (method !== "HEAD") this.#documented({ status, headers, text: body.toString() });
    const refusal = method === "HEAD" ? { code: "head", text: "", status } : this.problem(body.toString());
    if (refusal.status !== status) throw new FuzzViolation(`A problem of ${refusal.status} under ${status}`);
    if (status >= 500 && status !== 503) throw new FuzzViolation(`The status ${status}`);
    if (status === 405 && !headers.get("allow")) throw new FuzzViolation("405 without Allow");
    return refusal;
  }

  /** An answer to bytes that may be no HTTP. */
  broken(answer: HttpAnswer): Refusal | undefined {
    const isParsers = answer.body.length === 0 && PARSER_STATUSES.includes(answer.status);
    if (!isParsers) return this.http("GET", answer);
    this.saw(`parser ${answer.status}`);
    return undefined;
  }

  /** A frame from the node. */
  frame(channel: string, text: string): void {
    const [fault] = this.documents.faultsOfFrame(`/ws/${channel}`, text);
    if (fault !== undefined) throw new FuzzViolation(fault);
  }

  /** A problem document or an error frame, as text. */
  problem(text: string): Refusal {
    this.leaks(text);
    const document = JSON.parse(text) as Record<string, unknown>;
    const { code, status, title, detail } = document;
    if (typeof code !== "string" || !CODES.has(code)) throw new FuzzViolation(`An unknown code in ${text}`);
    if (typeof status !== "number" || typeof title !== "string" || typeof detail !== "string")
      throw new FuzzViolation(`No whole problem: ${text}`);
    if ((FAULTS as readonly string[]).includes(code)) throw new FuzzViolation(`A fault: ${text}`);
    this.saw(code);
    if (!("committed_lines" in document)) return { code, text, status };
    return { code, text, status, committed: document as unknown as CommittedLines };
  }

  leaks(text: string): void {
    for (const secret of [...LEAKS, ...this.secrets])
      if (text.includes(secret)) throw new FuzzViolation(`An answer has ${JSON.stringify(secret)} in it`);
  }

  #documented(answer: Answer): void {
    const [fault] = this.documents.faultsOfAnyAnswer(answer);
    if (fault !== undefined) throw new FuzzViolation(fault);
  }

  /** Notes that something was seen. */
  saw(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }
}

/** What says that it is JSON is JSON, and so is every line of lines. */
function expectReadable(type: string, body: Buffer): void {
  if (type === "application/x-ndjson")
    for (const line of body.toString().split("\n").slice(0, -1)) JSON.parse(line);
  else if (/^application\/(?:.*\+)?json$/.test(type) && body.length > 0) JSON.parse(body.toString());
}
