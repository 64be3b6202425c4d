/** What a node listens on: TCP, with or without TLS, and a unix socket; each with a server of its own. */

import { isIP } from "node:net";
import type { Server } from "bun";
import { handOver } from "./socket-handover.ts";
import { readTlsFiles, type TlsFiles, type TlsPaths } from "./tls-files.ts";
import { clearSocketPath, SocketFile } from "./unix-socket.ts";

/** Settings, checked for what goes with what. */
export interface ListenSettings extends TlsPaths {
  /** Undefined for no TCP. */
  readonly host: string | undefined;
  readonly port: number;
  /** Empty for none. */
  readonly unixSocket: string;
  readonly unixSocketMode: number;
}

/** The part of an Elysia app that is used here: it listens once. */
export interface ListeningApp {
  readonly server: Server<unknown> | null;
  listen(options: ListenOptions): unknown;
}

type MakeApp = (options: { readonly isTls: boolean }) => ListeningApp;

type ListenOptions = { hostname: string; port: number; tls?: Bun.TLSOptions } | { unix: string };

/**
 * Servers of earlier certificates that go on serving the connections they have. The oldest beyond that ends those that
 * are idle at that moment; requests and WebSockets live on.
 */
const RETIRED_SERVERS_MAX = 4;

/** Where the server of a new certificate begins, for as long as it takes to give it the socket of the old one. */
const PROVISIONAL = { hostname: "127.0.0.1", port: 0 } as const;

/** Files that have been checked; `apply` makes them count. */
export interface PreparedReload {
  /** @returns what has changed, as a sentence for the log. @throws Error when nothing has. */
  apply(): string | undefined;
}

export class Listeners {
  readonly #settings: ListenSettings;
  readonly #makeApp: MakeApp;
  #tcp: Server<unknown> | undefined;
  #unix: Server<unknown> | undefined;
  #socketFile: SocketFile | undefined;
  readonly #retired: Server<unknown>[] = [];

  private constructor(settings: ListenSettings, makeApp: MakeApp) {
    this.#settings = settings;
    this.#makeApp = makeApp;
  }

  /**
   * Listens on all that the settings say. To be called before other threads open files: the umask is the process's.
   * @throws Error with one sentence
   */
  static async open(settings: ListenSettings, makeApp: MakeApp): Promise<Listeners> {
    const listeners = new Listeners(settings, makeApp);
    const { host, port, unixSocket } = settings;
    const tls = readTlsFiles(settings);
    if (unixSocket !== "") await clearSocketPath(unixSocket);
    if (host !== undefined) listeners.#openTcp(host, port, tls);
    if (unixSocket !== "") listeners.#openUnixSocket();
    return listeners;
  }

  /** Where the node is reached, in the words of its ready line. */
  get addresses(): string[] {
    const { host = "", tlsCert } = this.#settings;
    const scheme = tlsCert === "" ? "http" : "https";
    const tcp = this.#tcp && `${scheme}://${host.includes(":") ? `[${host}]` : host}:${this.#tcp.port}`;
    const unix = this.#socketFile && `unix:${this.#socketFile.path}`;
    return [tcp, unix].filter((address) => address !== undefined);
  }

  /** Any of the servers: what one is asked of a request it knows of the requests of all. */
  get server(): Server<unknown> {
    return this.#servers()[0]!;
  }

  /** Reads the files of TLS again and changes nothing yet. @throws Error with one sentence */
  prepareReload(): PreparedReload {
    const tls = readTlsFiles(this.#settings);
    return { apply: () => (this.#tcp && tls ? this.#renew(this.#tcp, tls) : undefined) };
  }

  /** Takes no more connections. Resolves when those that there are have ended. */
  async stop(): Promise<void> {
    this.#socketFile?.remove();
    await Promise.all(this.#servers().map((server) => server.stop(false)));
  }

  /** Ends every connection. */
  close(): void {
    for (const server of this.#servers()) void server.stop(true);
  }

  #servers(): Server<unknown>[] {
    return [this.#tcp, this.#unix, ...this.#retired].filter((server) => server !== undefined);
  }

  #openTcp(host: string, port: number, tls: TlsFiles | undefined): void {
    try {
      this.#tcp = this.#serve({ hostname: host, port, ...tlsOptions(tls) });
    } catch (error) {
      throw new Error(listenFault(host, port, error), { cause: error });
    }
  }

  #openUnixSocket(): void {
    const { unixSocket, unixSocketMode } = this.#settings;
    this.#socketFile = new SocketFile(unixSocket, unixSocketMode, (unix) => {
      this.#unix = this.#serve({ unix });
    });
  }

  #renew(old: Server<unknown>, tls: TlsFiles): string {
    try {
      this.#tcp = handOver(
        old.port!,
        () => this.#serve({ ...PROVISIONAL, ...tlsOptions(tls) }),
        (server) => void server.stop(true),
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`The certificate cannot be changed while the node runs (${reason}): restart it.`, {
        cause: error,
      });
    }
    this.#retired.push(old);
    if (this.#retired.length > RETIRED_SERVERS_MAX) void this.#retired.shift()?.stop(false);
    const date = tls.validTo.toISOString().slice(0, 10);
    return `new connections get the certificate that is valid until ${date}`;
  }

  #serve(options: ListenOptions): Server<unknown> {
    const app = this.#makeApp({ isTls: "tls" in options });
    const present = process.listeners("beforeExit");
    app.listen(options);
    // Elysia's own would hold on to every app for as long as the process lives; the node stops its servers itself.
    for (const listener of process.listeners("beforeExit")) {
      if (!present.includes(listener)) process.off("beforeExit", listener);
    }
    return app.server!;
  }
}

/** Why an address cannot be listened on, with the flag that says another. */
function listenFault(host: string, port: number, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "EADDRINUSE":
      return `--port ${port} is taken on --host ${host}: another process listens there.`;
    case "EACCES":
      return `--port ${port} is not permitted to this user: take one from 1024 on, or grant CAP_NET_BIND_SERVICE.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "ENOENT":
      return isIP(host) === 0
        ? `--host ${host} is the name of no address of this machine.`
        : `--host ${host} is no address of this machine.`;
    default:
      return `--host ${host} with --port ${port} cannot be listened on (${code ?? message}).`;
  }
}

function tlsOptions(files: TlsFiles | undefined): { tls?: Bun.TLSOptions } {
  if (files === undefined) return {};
  const { cert, key, clientCa } = files;
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { tls: { cert, key, ...clients } };
}
