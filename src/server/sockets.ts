/** WebSockets as the routes see them: text as it came in, one state per connection, and a list of all that are open. */

import type { ServerWebSocket } from "bun";
import { NotFoundError } from "elysia";
import { ProblemError } from "../problem.ts";
import { errorFrame } from "./answers.ts";

/** The part of Bun's socket that is used here. */
export type RawSocket = Pick<
  ServerWebSocket<unknown>,
  "send" | "cork" | "close" | "getBufferedAmount" | "readyState"
> & { readonly data: unknown };

/** What a route does with one connection. */
export interface SocketHandler {
  text(text: string): void;
  binary(): void;
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

/** Every socket that is open, so that a drain can close them with a code that says "reconnect". */
export const openSockets = new Map<RawSocket, SocketHandler>();

interface Opening {
  readonly raw: unknown;
  readonly data: { readonly request: Request };
}

/** Final: the client asked for something that there is not. */
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

/**
 * The hooks of a WebSocket route. Elysia parses every text frame before any hook sees it, which would change numbers
 * that a double cannot hold; so the function that Bun calls is replaced when a socket opens.
 */
export function edgeSocket(open: (socket: RawSocket, request: Request) => SocketHandler) {
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
        const handler = openSockets.get(socket);
        if (typeof message === "string") handler?.text(message);
        else handler?.binary();
      };
      try {
        openSockets.set(socket, open(socket, request));
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        // A browser cannot see the status of an upgrade, so the refusal is told on the socket.
        socket.send(errorFrame(undefined, error.problem, undefined));
        socket.close(CLOSE_NOT_THIS_PROTOCOL, error.problem.detail.slice(0, CLOSE_REASON_LENGTH_MAX));
      }
    },
    close({ raw }: { readonly raw: unknown }): void {
      const socket = raw as RawSocket;
      openSockets.get(socket)?.closed();
      openSockets.delete(socket);
    },
  };
}

/** Closes every socket; resolves when all are closed or the time is up. */
export async function closeSockets(code: number, reason: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (const socket of openSockets.keys()) socket.close(code, reason);
  while (openSockets.size > 0 && performance.now() < deadline) await Bun.sleep(10);
}
