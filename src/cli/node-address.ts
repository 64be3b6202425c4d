/** The flag `--url` of every command that talks to a running node; by default the one on the same machine. */

import type { UrlFlag } from "../config/flags.ts";
import { type Environment, type LocalNode, localNode, localNodeUrl } from "../config/parse-config.ts";
import { type Given, parseFlags } from "../config/parse-flags.ts";
import { SETTINGS, variableOf } from "../config/settings.ts";

export const URL_FLAG = {
  kind: "url",
  default: `http://${SETTINGS.host.default}:${SETTINGS.port.default}`,
  help: `Address of the node; ${variableOf("host")} and ${variableOf("port")} count without it.`,
} as const satisfies UrlFlag;

const ORIGIN = `the address in ${variableOf("host")}`;

/** Where the value of `--url` comes from when it is not given. Other flags have no variable. */
export function addressFrom(environment: Environment): (name: string) => Given | undefined {
  return (name) => (name === "url" ? { text: localNodeUrl(environment), origin: ORIGIN } : undefined);
}

export interface NodeAddress extends LocalNode {
  /** It is the one of this machine's environment and not one that somebody named. */
  readonly isLocal: boolean;
}

/** For a command whose only flag is `--url`, and that can go through a unix socket. @throws UsageError */
export function readNodeAddress(args: readonly string[], environment: Environment): NodeAddress {
  let local: LocalNode | undefined;
  const { url } = parseFlags({ url: URL_FLAG }, args, () => {
    local = localNode(environment);
    return { text: local.url, origin: ORIGIN };
  });
  return { url, unixSocket: local?.unixSocket, isLocal: local !== undefined };
}
