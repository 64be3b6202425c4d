/**
 * Admission control: the one place where it is decided whether a request goes on to its route, and whether a socket
 * stays open.
 */

import { CREDENTIALS_REQUIRED, type Gate } from "../access/gate.ts";
import type { Grant } from "../access/grant.ts";
import { isAnonymous, type Principal } from "../access/principal.ts";
import type { Connections } from "../limits/connections.ts";
import { type ControlFrameCounts, ControlFrames, controlRateOf } from "../limits/control-frames.ts";
import { Meter, type RateLimits } from "../limits/rate-limits.ts";
import type { Rate } from "../limits/token-bucket.ts";
import { type Problem, ProblemError, problem, refuse } from "../problem.ts";
import { credentialsOf } from "./credentials.ts";
import type { OriginPolicy } from "./origins.ts";
import { type Permission, permissionOf } from "./permissions.ts";

/** Somebody who was let in to a route. */
export interface Caller {
  readonly principal: Principal;
  /** What it may do under the scope that the route asks for. */
  readonly grant: Grant;
  /** What it uses up, where anything is limited by time. */
  readonly meter: Meter | undefined;
}

/** A browser cannot see the status of an upgrade: a socket is opened, told why, and closed. */
type Admitted = Caller | { readonly refused: Problem };

export interface AdmissionOptions {
  readonly gate: Gate;
  readonly origins: OriginPolicy;
  readonly connections: Connections;
  readonly rates: RateLimits | undefined;
  /** The name under which a request counts where limits are by address. */
  readonly addressOf: (request: Request) => string;
  /** Frames a second of one socket that are no publishes. */
  readonly controlFramesPerSecond: number;
}

export class Admission {
  readonly controlFrames: ControlFrameCounts = { refused: 0, closed: 0 };
  readonly #options: AdmissionOptions;
  readonly #controlRate: Rate;
  readonly #admitted = new WeakMap<Request, Admitted>();
  /** Those of requests that were refused before anybody was let in, too. */
  readonly #meters = new WeakMap<Request, Meter>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#controlRate = controlRateOf(options.controlFramesPerSecond);
  }

  get connections(): Connections {
    return this.#options.connections;
  }

  /** Undefined where no rate is limited. */
  get rates(): RateLimits | undefined {
    return this.#options.rates;
  }

  /**
   * Judges a request before its route runs; `leave` must follow.
   * @param route the pattern of the route.
   * @param method what the request asks to do, where that is not what it does.
   * @throws ProblemError `unauthorized`, `forbidden`, `forbidden_origin`, `rate_limited`, `too_many_connections`, for
   *   what is no socket; may also reject with it.
   */
  admit(request: Request, route: string, method = request.method): void | Promise<void> {
    const permission = permissionOf(method, route);
    if (permission === undefined) throw new Error(`no permission is written down for ${route}`);
    if (permission.length === 0) return;
    const isSocket = route.startsWith("/ws/");
    const stays = isSocket || route.endsWith("/stream");
    const publishes = permission.includes("publish") && !isSocket;
    try {
      const { origins, gate } = this.#options;
      origins.judge(request);
      const meter = this.#enter(request, stays);
      const principal = gate.identify(credentialsOf(request));
      if (!(principal instanceof Promise)) {
        this.#letIn(request, callerOf(principal, permission, meter), publishes);
        return;
      }
      return principal
        .then((known) => this.#letIn(request, callerOf(known, permission, meter), publishes))
        .catch((error: unknown) => this.#refuse(request, isSocket, error));
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
   * @param route the socket's.
   * @throws ProblemError `unauthorized`, `forbidden`
   */
  async renew(token: string, route: string, { meter }: Caller): Promise<Caller> {
    const principal = await this.#options.gate.identify([token]);
    return callerOf(principal, permissionOf("GET", route)!, meter?.withToken(principal.subject));
  }

  /** Gives back what `admit` took. Whatever became of the request; the place of a socket is its own by then. */
  leave(request: Request): void {
    this.#options.connections.leave(request);
  }

  /** A request that was let in has become a socket, which keeps its place. @returns how its control frames are judged. */
  socketOpened(request: Request, socket: object): ControlFrames {
    this.#options.connections.upgrade(request, socket);
    return new ControlFrames(this.#controlRate, this.controlFrames);
  }

  socketClosed(socket: object): void {
    this.#options.connections.leave(socket);
  }

  /** What the caller of a request may still do, as headers of its answer. */
  rateHeaders(request: Request): Record<string, string> {
    return this.#meters.get(request)?.headers() ?? {};
  }

  /**
   * What can be judged before it is known who it is.
   * @param stays whether it becomes a connection that stays open, and keeps the place of the request.
   */
  #enter(request: Request, stays: boolean): Meter | undefined {
    const { connections, rates, addressOf } = this.#options;
    expectTaken(connections.enter(request, stays ? addressOf(request) : undefined));
    if (rates === undefined) return undefined;
    const meter = new Meter(rates);
    this.#meters.set(request, meter);
    if (rates.hasAddress) expectTaken(meter.request("address", addressOf(request)));
    return meter;
  }

  #letIn(request: Request, caller: Caller, publishes: boolean): void {
    const { meter, principal } = caller;
    if (meter !== undefined) {
      expectTaken(meter.request("token", principal.subject));
      // Only a look: what a publish costs is known, and charged, once its body is here.
      if (publishes) expectTaken(meter.refusalOfEvents());
    }
    this.#admitted.set(request, caller);
  }

  #refuse(request: Request, isSocket: boolean, error: unknown): void {
    if (!isSocket || !(error instanceof ProblemError)) throw error;
    this.#admitted.set(request, { refused: error.problem });
  }
}

function expectTaken(refused: Problem | undefined): void {
  if (refused !== undefined) throw new ProblemError(refused);
}

function callerOf(principal: Principal, scopes: Permission, meter: Meter | undefined): Caller {
  const grant = scopes.map((scope) => principal.grants[scope]).find((held) => held !== undefined);
  if (grant === undefined) {
    if (isAnonymous(principal)) refuse("unauthorized", CREDENTIALS_REQUIRED);
    refuse("forbidden", `The credentials do not hold the scope ${scopes.join(" or ")}.`);
  }
  // Patterns that are none would mean every topic to whoever reads them as a subscription.
  if (grant.topics.length === 0) refuse("forbidden", "The credentials cover no topic.");
  return { principal, grant, meter };
}

/** What a socket is told before it is closed because its credentials are over, or undefined while they stand. */
export function faultOfStanding({ principal }: Caller, now: number): Problem | undefined {
  if (principal.isRevoked()) return problem("unauthorized", "The credentials have been taken back.");
  if (now >= principal.expiresAt) return problem("unauthorized", "The credentials have expired.");
  return undefined;
}
