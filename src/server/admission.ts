/**
 * Admission control: the one place where it is decided whether a request goes on to its route, and whether a socket
 * stays open.
 */

import type { Gate } from "../access/gate.ts";
import type { Grant } from "../access/grant.ts";
import type { Principal, Scope } from "../access/principal.ts";
import { type Problem, ProblemError, problem, refuse } from "../problem.ts";
import { credentialsOf } from "./credentials.ts";
import type { OriginPolicy } from "./origins.ts";
import { isScope, permissionOf } from "./permissions.ts";

/** Somebody who was let in to a route. */
export interface Caller {
  readonly principal: Principal;
  /** What it may do under the scope that the route asks for. */
  readonly grant: Grant;
}

/** A browser cannot see the status of an upgrade: a socket is opened, told why, and closed. */
type Admitted = Caller | { readonly refused: Problem };

export interface AdmissionOptions {
  readonly gate: Gate;
  readonly origins: OriginPolicy;
}

export class Admission {
  readonly #gate: Gate;
  readonly #origins: OriginPolicy;
  readonly #admitted = new WeakMap<Request, Admitted>();

  constructor({ gate, origins }: AdmissionOptions) {
    this.#gate = gate;
    this.#origins = origins;
  }

  /**
   * Judges a request before its route runs.
   * @param route the pattern of the route.
   * @throws ProblemError `unauthorized`, `forbidden`, `forbidden_origin`, for what is no socket; may also reject with it.
   */
  admit(request: Request, route: string): void | Promise<void> {
    const permission = permissionOf(request.method, route);
    if (permission === undefined) throw new Error(`no permission is written down for ${route}`);
    if (!isScope(permission)) return;
    const isSocket = route.startsWith("/ws/");
    try {
      this.#origins.judge(request);
      const principal = this.#gate.identify(credentialsOf(request));
      if (!(principal instanceof Promise)) {
        this.#admitted.set(request, callerOf(principal, permission));
        return;
      }
      return principal.then(
        (known) => void this.#admitted.set(request, callerOf(known, permission)),
        (error: unknown) => this.#refuse(request, isSocket, error),
      );
    } catch (error) {
      this.#refuse(request, isSocket, error);
    }
  }

  /** Who was let in with this request. @throws ProblemError where nobody was, and the request became a socket. */
  callerOf(request: Request): Caller {
    const admitted = this.#admitted.get(request);
    if (admitted === undefined) throw new Error("a route asked for a caller that was never judged");
    if ("refused" in admitted) throw new ProblemError(admitted.refused);
    return admitted;
  }

  /**
   * Judges the credentials that a socket brings later, to stay open for longer.
   * @throws ProblemError `unauthorized`, `forbidden`
   */
  async renew(token: string, scope: Scope): Promise<Caller> {
    return callerOf(await this.#gate.identify([token]), scope);
  }

  #refuse(request: Request, isSocket: boolean, error: unknown): void {
    if (!isSocket || !(error instanceof ProblemError)) throw error;
    this.#admitted.set(request, { refused: error.problem });
  }
}

function callerOf(principal: Principal, scope: Scope): Caller {
  const grant = principal.grants[scope];
  if (grant === undefined) refuse("forbidden", `The credentials do not hold the scope ${scope}.`);
  // Patterns that are none would mean every topic to whoever reads them as a subscription.
  if (grant.topics.length === 0) refuse("forbidden", "The credentials cover no topic.");
  return { principal, grant };
}

/** What a socket is told before it is closed because its credentials are over, or undefined while they stand. */
export function faultOfStanding({ principal }: Caller, now: number): Problem | undefined {
  if (principal.isRevoked()) return problem("unauthorized", "The credentials have been taken back.");
  if (now >= principal.expiresAt) return problem("unauthorized", "The credentials have expired.");
  return undefined;
}
