/** The flag `--url` of every command that talks to a running node; by default the one on the same machine. */

import type { UrlFlag } from "../config/flags.ts";
import { type Environment, localNodeUrl } from "../config/parse-config.ts";
import type { Given } from "../config/parse-flags.ts";
import { SETTINGS, variableOf } from "../config/settings.ts";

export const URL_FLAG = {
  kind: "url",
  default: `http://${SETTINGS.host.default}:${SETTINGS.port.default}`,
  help: `Address of the node; ${variableOf("host")} and ${variableOf("port")} count without it.`,
} as const satisfies UrlFlag;

/** Where the value of `--url` comes from when it is not given. Other flags have no variable. */
export function addressFrom(environment: Environment): (name: string) => Given | undefined {
  return (name) =>
    name === "url"
      ? { text: localNodeUrl(environment), origin: `the address in ${variableOf("host")}` }
      : undefined;
}
