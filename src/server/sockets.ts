/** WebSockets as the routes see them: text as it came in, one state per connection, and a list of all that are open. */

import type { ServerWebSocket } from "bun";
import { NotFoundError } from "elysia";
import type { Scope } from "../access/principal.ts";
import { type Problem, ProblemError, problem } from "../problem.ts";
import { type Caller, faultOfStanding } from "./admission.ts";
import { errorFrame } from "./answers.ts";
import type { RefusalCounts } from "./refusals.ts";
import type { Services } from "./services.ts";
import { authAnswer, tokenOfAuthFrame } from "./socket-auth.ts";

/** The part of Bun's socket that is used here. */
export type RawSocket = Pick<
  ServerWebSocket<unknown>,
  "send" | "cork" | "close" | "getBufferedAmount" | "readyState"
> & { readonly data: unknown };

export const SOCKET_ROUTES = ["/ws/publish", "/ws/stats"] as const;

/** What a route does with one connection. */
export interface SocketHandler {
  text(text: string): void;
  binary(): void;
  /** Fresh credentials were accepted. @throws ProblemError where what goes on needs more than they allow. */
  renewed(caller: Caller): void;
  closed(): void;
}

/** Sends what one turn of the event loop has for a socket with one system call instead of one for each frame. */
export class Outbox {
  #texts: string[] = [];

  constructor(private readonly socket: RawSocket) {}

  send(text: string): void {
    if (this.#texts.push(text) === 1) queueMicrotask(() => this.#flush());
  }

  get bufferedBytes(): number {
    return this.socket.getBufferedAmount();
  }

  close(code: number, reason: string): void {
    this.#flush();
    this.socket.close(code, reason);
  }

  #flush(): void {
    const texts = this.#texts;
    this.#texts = [];
    if (texts.length === 0 || this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.cork(() => {
      for (const text of texts) this.socket.send(text);
    });
  }
}

/** A socket that is open: what its route does with it, and who is behind it. */
interface OpenSocket {
  readonly path: (typeof SOCKET_ROUTES)[number];
  readonly handler: SocketHandler;
  caller: Caller;
}

/** Every socket that is open, so that a drain can close them with a code that says "reconnect". */
export const openSockets = new Map<RawSocket, OpenSocket>();

interface Opening {
  readonly raw: unknown;
  readonly data: { readonly request: Request };
}

/** Those from 4400 to 4403 are final: to connect again with the same brings the same. */
const CLOSE_CODES: Readonly<Partial<Record<number, number>>> = { 401: 4401, 403: 4403, 429: 4429 };

/** The client asked for something that there is not. */
const CLOSE_NOT_THIS_PROTOCOL = 4400;

/** A close frame holds 123 bytes of reason; these are characters. */
const CLOSE_REASON_LENGTH_MAX = 40;

/** The place where Elysia keeps the function that a frame is given to. */
interface FrameTarget {
  message: (socket: unknown, message: string | Uint8Array) => void;
}

/** Our protocol's name, selected where a client offers it. */
const SUBPROTOCOL = "onefold.v1";

/** 16 bytes in base64 (RFC 6455, 4.1). */
const HANDSHAKE_KEY = /^[+/\dA-Za-z]{22}==$/;

interface Upgrade {
  readonly request: Request;
  readonly set: { readonly headers: Record<string, unknown> };
}

const UNCHECKED = new ProblemError(problem("internal_error", "The credentials could not be checked."));

/** What a socket route is: its scope, and what it does with a socket that was let in. */
export interface SocketRoute {
  readonly path: (typeof SOCKET_ROUTES)[number];
  readonly scope: Scope;
  /** @throws ProblemError where the socket must be closed again. */
  readonly open: (socket: RawSocket, request: Request, caller: Caller) => SocketHandler;
}

/**
 * The hooks of a WebSocket route. Elysia parses every text frame before any hook sees it, which would change numbers
 * that a double cannot hold; so the function that Bun calls is replaced when a socket opens.
 */
export function edgeSocket(services: Services, { path, scope, open }: SocketRoute) {
  const { admission } = services;
  const tell = (socket: RawSocket, error: unknown): Problem => {
    if (!(error instanceof ProblemError)) throw error;
    services.refusals.count(error.problem);
    socket.send(errorFrame(undefined, error.problem, undefined));
    return error.problem;
  };
  /** Takes an `auth` frame; whether it was one. Where its token is refused, what was there before goes on. */
  const renews = (text: string, opened: OpenSocket, socket: RawSocket): boolean => {
    try {
      const token = tokenOfAuthFrame(text);
      if (token === undefined) return false;
      const renewed = admission.renew(token, scope).then((caller) => {
        if (openSockets.get(socket) !== opened) return;
        opened.handler.renewed(caller);
        opened.caller = caller;
        socket.send(authAnswer(caller.principal.expiresAt));
      });
      renewed.catch((error: unknown) => {
        if (!(error instanceof ProblemError)) services.log(`credentials could not be checked: ${error}`);
        tell(socket, error instanceof ProblemError ? error : UNCHECKED);
      });
    } catch (error) {
      tell(socket, error);
    }
    return true;
  };
  return {
    upgrade({ request, set }: Upgrade): void {
      // Bun would not shake hands, and Elysia would say so in words of its own: it is no upgrade, so it is told as none.
      if (!HANDSHAKE_KEY.test(request.headers.get("sec-websocket-key") ?? "")) throw new NotFoundError();
      const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
      // Left to itself Bun would select the first that is offered, which may be a token; empty selects none.
      set.headers["sec-websocket-protocol"] = offered.some((name) => name.trim() === SUBPROTOCOL)
        ? SUBPROTOCOL
        : "";
    },
    open({ raw, data: { request } }: Opening): void {
      const socket = raw as RawSocket;
      (socket.data as FrameTarget).message = (_socket, message) => {
        const opened = openSockets.get(socket);
        if (opened === undefined) return;
        if (typeof message !== "string") opened.handler.binary();
        else if (!renews(message, opened, socket)) opened.handler.text(message);
      };
      try {
        const caller = admission.callerOf(request);
        openSockets.set(socket, { path, handler: open(socket, request, caller), caller });
      } catch (error) {
        // A browser cannot see the status of an upgrade, so the refusal is told on the socket.
        closeRefused(socket, tell(socket, error));
      }
    },
    close({ raw }: { readonly raw: unknown }): void {
      const socket = raw as RawSocket;
      openSockets.get(socket)?.handler.closed();
      openSockets.delete(socket);
    },
  };
}

function closeRefused(socket: RawSocket, { status, detail }: Problem): void {
  socket.close(CLOSE_CODES[status] ?? CLOSE_NOT_THIS_PROTOCOL, detail.slice(0, CLOSE_REASON_LENGTH_MAX));
}

/** Closes the sockets whose credentials are over. @param now milliseconds since 1970. */
export function closeExpired(refusals: RefusalCounts, now: number): void {
  for (const [socket, { caller }] of openSockets) {
    const fault = faultOfStanding(caller, now);
    // One that is closing already has been told.
    if (fault === undefined || socket.readyState !== WebSocket.OPEN) continue;
    refusals.count(fault);
    socket.send(errorFrame(undefined, fault, undefined));
    closeRefused(socket, fault);
  }
}

/** Closes every socket; resolves when all are closed or the time is up. */
export async function closeSockets(code: number, reason: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (const socket of openSockets.keys()) socket.close(code, reason);
  while (openSockets.size > 0 && performance.now() < deadline) await Bun.sleep(10);
}
