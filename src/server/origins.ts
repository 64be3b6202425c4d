/** Which web pages may speak with the node: its own, and those of the origins that were named. */

import { isLoopback } from "../access/gate.ts";
import { refuse } from "../problem.ts";

export interface OriginRules {
  /** As browsers write them: `https://app.example`, or `null` for files and sandboxed frames. */
  readonly allowed: readonly string[];
  /**
   * Whether names of hosts are looked at, where only this machine reaches the node and credentials are not needed for
   * everything: a page whose name was pointed at this machine (DNS rebinding) is of the same origin as the node.
   */
  readonly isLocalOnly: () => boolean;
}

export class OriginPolicy {
  readonly #allowed: ReadonlySet<string>;
  readonly #allowedHosts: ReadonlySet<string>;
  readonly #isLocalOnly: () => boolean;

  constructor({ allowed, isLocalOnly }: OriginRules) {
    this.#allowed = new Set(allowed);
    this.#allowedHosts = new Set(allowed.flatMap((origin) => URL.parse(origin)?.host ?? []));
    this.#isLocalOnly = isLocalOnly;
  }

  get hasAny(): boolean {
    return this.#allowed.size > 0;
  }

  /** Whether pages of this origin were let in by name. */
  isNamed(origin: string): boolean {
    return this.#allowed.has(origin);
  }

  /** @throws ProblemError `forbidden_origin` */
  judge({ headers }: Request): void {
    const host = headers.get("host") ?? "";
    const origin = headers.get("origin");
    if (origin !== null && !this.isNamed(origin) && hostOf(origin) !== host.toLowerCase()) {
      refuse(
        "forbidden_origin",
        "The page that asks is not of this node; its origin can be let in with --allow-origins.",
      );
    }
    if (this.#isLocalOnly() && !isLocalName(host) && !this.#allowedHosts.has(host.toLowerCase())) {
      refuse(
        "forbidden_origin",
        "This node is for its own machine, and the host that was asked for is another; an origin with its name can be let in with --allow-origins.",
      );
    }
  }
}

/** Host and port; with the port of the scheme left out, as browsers do in a Host header too. */
function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}

/** Whether no name server of the world can have brought somebody here by this name. */
function isLocalName(host: string): boolean {
  const name = host.replace(/:\d*$/, "");
  const isAddress = /^(?:[\d.]+|\[.*)$/.test(name);
  return isAddress || isLoopback(name) || !name.includes(".") || name.endsWith(".localhost");
}
