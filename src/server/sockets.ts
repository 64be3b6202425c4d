/** WebSockets as the routes see them: text as it came in, one state per connection, and a list of all that are open. */

import type { ServerWebSocket } from "bun";
import { NotFoundError } from "elysia";
import type { ControlFrames } from "../limits/control-frames.ts";
import type { EventCharge } from "../limits/event-charge.ts";
import { type Problem, ProblemError, problem } from "../problem.ts";
import { type Caller, faultOfStanding } from "./admission.ts";
import { errorFrame } from "./answers.ts";
import { ClosingSockets } from "./closing-sockets.ts";
import { chargeFor } from "./event-charges.ts";
import { SUBPROTOCOL } from "./models/subprotocols.ts";
import type { RefusalCounts } from "./refusals.ts";
import type { Services } from "./services.ts";
import { type AuthFrame, authAnswer, authFrameOf } from "./socket-auth.ts";

/** The part of Bun's socket that is used here. */
export type RawSocket = Pick<
  ServerWebSocket<unknown>,
  "send" | "cork" | "close" | "terminate" | "getBufferedAmount" | "readyState"
> & { readonly data: unknown };

export const SOCKET_ROUTES = ["/ws/publish", "/ws/stats", "/ws/events"] as const;

/** What a route does with one connection. */
export interface SocketHandler {
  /**
   * @param charge what the frame was charged, where it is a publish and events are limited by time.
   * @returns what it came to, as control frames beyond the one.
   */
  text(text: string, charge?: EventCharge): number;
  binary(): void;
  /** A frame is not looked at. @param text undefined where it is none. */
  refuse(problem: Problem, text: string | undefined): void;
  /**
   * Fresh credentials were accepted.
   * @returns what it came to, like a text.
   * @throws ProblemError where what goes on needs more than they allow.
   */
  renewed(caller: Caller): number;
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
  readonly control: ControlFrames;
  caller: Caller;
  isClosing: boolean;
  /** Settles when all credentials that were sent so far have been judged. */
  renewing: Promise<void>;
}

/** Every socket that is open, so that a drain can close them with a code that says "reconnect". */
export const openSockets = new Map<RawSocket, OpenSocket>();

/** Those that were refused when they opened: they had no place among the connections, or have it no more. */
const closingSockets = new ClosingSockets();

interface Opening {
  readonly raw: unknown;
  readonly data: { readonly request: Request };
}

/** Those from 4400 to 4403 are final: to connect again with the same brings the same. 1012 says to come back. */
const CLOSE_CODES: Readonly<Partial<Record<number, number>>> = { 401: 4401, 403: 4403, 429: 4429, 503: 1012 };

/** The client asked for something that there is not. */
export const CLOSE_NOT_THIS_PROTOCOL = 4400;

/** What a close frame has room for beside its code (RFC 6455, 5.5.1). */
const CLOSE_REASON_BYTES_MAX = 123;

/** The place where Elysia keeps the function that a frame is given to. */
interface FrameTarget {
  message: (socket: unknown, message: string | Uint8Array) => void;
}

/** 16 bytes in base64 (RFC 6455, 4.1). */
const HANDSHAKE_KEY = /^[+/\dA-Za-z]{22}==$/;

interface Upgrade {
  readonly request: Request;
  readonly set: { readonly headers: Record<string, unknown> };
}

const UNCHECKED = problem("internal_error", "The credentials could not be checked.");

/** What a socket route is, and what it does with a socket that was let in. */
export interface SocketRoute {
  readonly path: (typeof SOCKET_ROUTES)[number];
  /** Whether a text frame is a publish; any other is a control frame, of which there may be so many a second. */
  readonly takesPublishes: boolean;
  /** Those that are known here, ours alone unless said. The first of them that a client offers is selected. */
  readonly subprotocols?: readonly string[];
  /** @throws ProblemError where the socket must be closed again. */
  readonly open: (socket: RawSocket, request: Request, caller: Caller) => SocketHandler;
}

/** The subprotocol that is selected for a request. */
export function subprotocolOf(
  { headers }: Request,
  known: readonly string[] = [SUBPROTOCOL],
): string | undefined {
  const offered = headers.get("sec-websocket-protocol")?.split(",") ?? [];
  return offered.map((name) => name.trim()).find((name) => known.includes(name));
}

/**
 * The hooks of a WebSocket route. Elysia parses every text frame before any hook sees it, which would change numbers
 * that a double cannot hold; so the function that Bun calls is replaced when a socket opens.
 */
export function edgeSocket(services: Services, route: SocketRoute) {
  const { admission, refusals } = services;
  return {
    upgrade({ request, set }: Upgrade): void {
      // Bun would not shake hands, and Elysia would say so in words of its own: it is no upgrade, so it is told as none.
      if (!HANDSHAKE_KEY.test(request.headers.get("sec-websocket-key") ?? "")) throw new NotFoundError();
      // Left to itself Bun would select the first that is offered, which may be a token; empty selects none.
      set.headers["sec-websocket-protocol"] = subprotocolOf(request, route.subprotocols) ?? "";
    },
    open({ raw, data: { request } }: Opening): void {
      const socket = raw as RawSocket;
      (socket.data as FrameTarget).message = (_socket, message) => {
        const opened = openSockets.get(socket);
        if (opened !== undefined && !opened.isClosing) receive(services, route, socket, opened, message);
      };
      try {
        const caller = admission.callerOf(request);
        const handler = route.open(socket, request, caller);
        const control = admission.socketOpened(request, socket);
        openSockets.set(socket, {
          ...{ path: route.path, handler, control, caller },
          ...{ isClosing: false, renewing: Promise.resolve() },
        });
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        // A browser cannot see the status of an upgrade, so the refusal is told on the socket.
        if (closingSockets.takes(performance.now())) closeRefused(socket, error.problem, refusals);
        else {
          refusals.count(error.problem);
          socket.terminate();
        }
      }
    },
    close({ raw }: { readonly raw: unknown }): void {
      const socket = raw as RawSocket;
      openSockets.get(socket)?.handler.closed();
      openSockets.delete(socket);
      admission.socketClosed(socket);
    },
  };
}

function tell(socket: RawSocket, refused: Problem, refusals: RefusalCounts): void {
  refusals.count(refused);
  socket.send(errorFrame(undefined, refused, undefined));
}

/** As much of a sentence as fits; the whole of it stands in the frame before. */
function closeReason(detail: string): string {
  const encoded = new TextEncoder().encodeInto(detail, new Uint8Array(CLOSE_REASON_BYTES_MAX));
  return detail.slice(0, encoded.read);
}

function closeRefused(socket: RawSocket, refused: Problem, refusals: RefusalCounts): void {
  const opened = openSockets.get(socket);
  if (opened !== undefined) opened.isClosing = true;
  tell(socket, refused, refusals);
  const code = CLOSE_CODES[refused.status] ?? CLOSE_NOT_THIS_PROTOCOL;
  socket.close(code, closeReason(refused.detail));
}

/** Judges a frame, and gives it to whom it is for. */
function receive(
  services: Services,
  { takesPublishes }: SocketRoute,
  socket: RawSocket,
  opened: OpenSocket,
  message: string | Uint8Array,
): void {
  const { handler, control, caller } = opened;
  const text = typeof message === "string" ? message : undefined;
  const auth = text === undefined ? undefined : authFrameOf(text);
  const isPublish = takesPublishes && text !== undefined && auth === undefined;
  const refused =
    (isPublish ? undefined : control.judge(performance.now())) ??
    caller.meter?.frame() ??
    (isPublish ? caller.meter?.refusalOfEvents() : undefined);
  if (control.isOver) closeRefused(socket, refused!, services.refusals);
  // Credentials are answered beside the frames of the route, and not numbered.
  else if (refused !== undefined && auth !== undefined) tell(socket, refused, services.refusals);
  else if (refused !== undefined) handler.refuse(refused, text);
  else if (auth !== undefined) renew(services, socket, opened, auth);
  else if (isPublish) handler.text(text, chargeFor(caller.meter, text, services.limits));
  else if (text !== undefined) charge(control, handler.text(text));
  else handler.binary();
}

/** Most frames cost nothing more, and are worked on without a look at the clock. */
function charge(control: ControlFrames, cost: number): void {
  if (cost > 0) control.charge(cost, performance.now());
}

/** Where the token of an `auth` frame is refused, what was there before goes on. */
function renew(
  { admission, refusals, log }: Services,
  socket: RawSocket,
  opened: OpenSocket,
  auth: AuthFrame,
): void {
  if ("fault" in auth) {
    tell(socket, auth.fault, refusals);
    return;
  }
  const take = async (): Promise<void> => {
    try {
      const caller = await admission.renew(auth.token, opened.path, opened.caller);
      if (openSockets.get(socket) !== opened) return;
      charge(opened.control, opened.handler.renewed(caller));
      opened.caller = caller;
      socket.send(authAnswer(caller.principal.expiresAt));
    } catch (error) {
      if (!(error instanceof ProblemError)) log(`credentials could not be checked: ${error}`);
      tell(socket, error instanceof ProblemError ? error.problem : UNCHECKED, refusals);
    }
  };
  // One after the other: some take longer to be checked, and the last that was sent is the one that counts.
  opened.renewing = opened.renewing.then(take);
}

/** Closes the sockets whose credentials are over. @param now milliseconds since 1970. */
export function closeExpired(refusals: RefusalCounts, now: number): void {
  for (const [socket, { caller, isClosing }] of openSockets) {
    const fault = faultOfStanding(caller, now);
    if (fault !== undefined && !isClosing) closeRefused(socket, fault, refusals);
  }
}

/** Closes every socket; resolves when all are closed or the time is up. */
export async function closeSockets(code: number, reason: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (const socket of openSockets.keys()) socket.close(code, reason);
  while (openSockets.size > 0 && performance.now() < deadline) await Bun.sleep(10);
}
