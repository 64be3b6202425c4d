/** From flags and environment variables to a checked configuration; a flag beats its variable. */

import { nearest } from "../nearest.ts";
import { SECRET_VARIABLES } from "./access-settings.ts";
import { type Given, parseFlags, UsageError } from "./parse-flags.ts";
import { type Config, NO_TCP, SETTING_NAMES, SETTINGS, variableOf } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws UsageError */
export function parseConfig(args: readonly string[], environment: Environment): Config {
  const config = parseFlags(SETTINGS, args, variablesOf(environment));
  refuseUnknownVariables(environment);
  refuseHalves(config);
  return config;
}

/** What is of use only together. @throws UsageError */
function refuseHalves({ host, tlsCert, tlsKey, tlsClientCa, unixSocket }: Config): void {
  if (tlsCert !== "" && tlsKey === "") throw new UsageError("--tls-cert needs --tls-key beside it.");
  if (tlsKey !== "" && tlsCert === "") throw new UsageError("--tls-key needs --tls-cert beside it.");
  if (tlsClientCa !== "" && tlsCert === "")
    throw new UsageError("--tls-client-ca needs --tls-cert and --tls-key beside it.");
  if (host === NO_TCP && unixSocket === "")
    throw new UsageError(`--host ${NO_TCP} needs --unix-socket: nobody could reach the node.`);
  if (host === NO_TCP && tlsCert !== "")
    throw new UsageError(`--tls-cert is of no use with --host ${NO_TCP}: a unix socket is without TLS.`);
}

/** Where the values of settings come from that are not given as flags; other flags have no variable. */
export function variablesOf(environment: Environment): (name: string) => Given | undefined {
  return (name) => (name in SETTINGS ? variableIn(environment, name) : undefined);
}

/** Addresses that mean "every interface", and where such a node is met on its own machine. */
const LOOPBACK_OF: Readonly<Record<string, string>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};

/** How a command on the same machine reaches a node. */
export interface LocalNode {
  /** Without a slash at its end; its host means nothing where there is a socket to go through. */
  readonly url: string;
  readonly unixSocket: string | undefined;
}

/**
 * Where the node is that runs with this environment. Over its unix socket only where it cannot be reached otherwise.
 * Looks at no other variable: what is wrong with them is the node's business.
 * @throws UsageError
 */
export function localNode(environment: Environment): LocalNode {
  const { host, port, tlsCert, tlsClientCa, unixSocket } = SETTINGS;
  const local = parseFlags({ host, port, tlsCert, tlsClientCa, unixSocket }, [], (name) =>
    variableIn(environment, name),
  );
  if (local.host === NO_TCP || local.tlsClientCa !== "") {
    if (local.unixSocket !== "") return { url: "http://localhost", unixSocket: local.unixSocket };
    const reason = variableOf(local.host === NO_TCP ? "host" : "tlsClientCa");
    throw new UsageError(
      `With ${reason} as it is the node needs ${variableOf("unixSocket")} to be reached from its own machine.`,
    );
  }
  if (local.port === 0) {
    throw new UsageError(
      `${variableOf("port")}=0 lets the node take any free port: say where it is with --url.`,
    );
  }
  const address = LOOPBACK_OF[local.host] ?? local.host;
  const scheme = local.tlsCert === "" ? "http" : "https";
  const url = `${scheme}://${address.includes(":") ? `[${address}]` : address}:${local.port}`;
  return { url, unixSocket: undefined };
}

/** The same for a command that speaks over TCP alone. @throws UsageError */
export function localNodeUrl(environment: Environment): string {
  const { url, unixSocket } = localNode(environment);
  if (unixSocket === undefined) return url;
  throw new UsageError(
    `The node is to be reached at unix:${unixSocket}: say with --url where it is otherwise.`,
  );
}

function variableIn(environment: Environment, name: string): Given | undefined {
  const origin = variableOf(name);
  const text = environment[origin];
  return text === undefined ? undefined : { text, origin };
}

const PREFIX = "ONEFOLD_";

/** A misspelt variable would be silently ignored, and a limit that somebody set not be there. */
function refuseUnknownVariables(environment: Environment): void {
  const known = [...SETTING_NAMES.map(variableOf), ...SECRET_VARIABLES];
  for (const name of Object.keys(environment)) {
    if (name.startsWith(PREFIX) && !known.includes(name)) {
      // What all of them begin with would make each near to any.
      const meant = nearest(
        name.slice(PREFIX.length),
        known.map((each) => each.slice(PREFIX.length)),
      );
      const hint = meant === undefined ? "" : `; the nearest is ${PREFIX}${meant}`;
      throw new UsageError(`There is no setting ${name}${hint}.`);
    }
  }
}
