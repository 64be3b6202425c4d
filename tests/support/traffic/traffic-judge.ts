/** Whether what a node says is what its documents say of it: every answer and every frame, whatever brought it about. */

import { PROBLEM_TYPE } from "../../../src/server/models/problem.ts";
import { AsyncApiJudge } from "../async-api.ts";
import { type Answer, OpenApiJudge } from "../open-api.ts";
import { documentOfApp } from "../routes.ts";

/** What Bun's own parser answers before any of our code runs: without a body. */
const PARSER_STATUSES = [400, 413, 426, 431, 505];

/** What any path may answer, known or not. */
const ANYWHERE: Readonly<Record<number, string>> = { 404: "not_found", 405: "method_not_allowed" };

export class TrafficJudge {
  readonly #openApi: OpenApiJudge;
  readonly #asyncApi: AsyncApiJudge;
  /** Addresses with parameters, and what they match. */
  readonly #patterns: readonly { readonly path: string; readonly pattern: RegExp }[];

  constructor(openApi: string, asyncApi: string) {
    this.#openApi = new OpenApiJudge(openApi);
    this.#asyncApi = new AsyncApiJudge(asyncApi);
    this.#patterns = Object.keys(this.#openApi.document.paths)
      .filter((path) => path.includes("{"))
      .map((path) => ({ path, pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`) }));
  }

  /** One for the documents that the source makes. */
  static async ofSource(): Promise<TrafficJudge> {
    const [openApi, asyncApi] = await Promise.all([
      documentOfApp("/docs/json"),
      documentOfApp("/docs/asyncapi.json"),
    ]);
    return new TrafficJudge(openApi, asyncApi);
  }

  /** @param path as it was asked for, with its query. @param answer its text is empty where it was not to have one. */
  faultsOfAnswer(method: string, path: string, answer: Answer): string[] {
    const { status, text } = answer;
    const isParsers = text === "" && PARSER_STATUSES.includes(status);
    if (isParsers || text === "" || method === "HEAD") return [];
    const [address = ""] = path.split("?", 1);
    const template = this.#templateOf(address.replace(/(.)\/$/, "$1"));
    // Who asks for consent to deliver is refused as the delivery would be.
    const asked = method === "OPTIONS" && status !== 405 ? "post" : method.toLowerCase();
    const operation = template && this.#openApi.document.paths[template]?.[asked];
    if (operation && template !== undefined) {
      const faults = this.#openApi.faultsOfAnswer(asked, template, answer);
      return faults.map((fault) => `${method} ${address}: ${fault} in ${status} ${text}`);
    }
    if (status < 400) {
      return address.startsWith("/docs") ? [] : [`${method} ${address} answered ${status}: ${text}`];
    }
    return this.#faultsOfRefusal(`${method} ${address}`, answer);
  }

  /** The same where nobody can tell which route has answered: one of them must have such an answer. */
  faultsOfAnyAnswer(answer: Answer): string[] {
    const { status, headers, text } = answer;
    if (status >= 400) return this.#openApi.faults(["components", "schemas", "Problem"], JSON.parse(text));
    const isDocument = /^\{"(?:openapi|asyncapi)"/.test(text);
    if (text === "" || isDocument || headers.get("content-type")?.startsWith("text/")) return [];
    return this.#openApi.isAnswerOfAny(answer) ? [] : [`No route has the answer ${status} ${text}`];
  }

  /** @param path as it was asked for, with its query. */
  faultsOfFrame(path: string, frame: unknown): string[] {
    if (typeof frame !== "string") return [`${path} sent a frame that is no text`];
    return this.#asyncApi.faultsOfFrame(path.split("?", 1)[0]!, frame);
  }

  faultsOfClosing(path: string, code: number): string[] {
    return this.#asyncApi.faultsOfClosing(path.split("?", 1)[0]!, code);
  }

  #faultsOfRefusal(what: string, { status, headers, text }: Answer): string[] {
    const type = headers.get("content-type");
    if (type !== PROBLEM_TYPE) return [`${what} answered ${status} with ${type}: ${text}`];
    const value = JSON.parse(text) as { readonly code: string };
    if (value.code !== ANYWHERE[status]) return [`${what} answered ${status} ${value.code}`];
    return this.#openApi.faults(["components", "schemas", "Problem"], value);
  }

  #templateOf(path: string): string | undefined {
    if (Object.hasOwn(this.#openApi.document.paths, path)) return path;
    return this.#patterns.find(({ pattern }) => pattern.test(path))?.path;
  }
}
