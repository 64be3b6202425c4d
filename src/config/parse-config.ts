/** From flags and environment variables to a checked configuration; a flag beats its variable. */

import { nearest } from "../nearest.ts";
import { type Given, parseFlags, UsageError } from "./parse-flags.ts";
import { type Config, SECRET_VARIABLES, SETTING_NAMES, SETTINGS, variableOf } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws UsageError */
export function parseConfig(args: readonly string[], environment: Environment): Config {
  const config = parseFlags(SETTINGS, args, variablesOf(environment));
  refuseUnknownVariables(environment);
  return config;
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

/**
 * Where the node is that runs with this environment, as a command on the same machine reaches it.
 * Looks at no other variable: what is wrong with them is the node's business.
 * @throws UsageError
 */
export function localNodeUrl(environment: Environment): string {
  const { host, port } = SETTINGS;
  const local = parseFlags({ host, port }, [], (name) => variableIn(environment, name));
  if (local.port === 0) {
    throw new UsageError(
      `${variableOf("port")}=0 lets the node take any free port: say where it is with --url.`,
    );
  }
  const address = LOOPBACK_OF[local.host] ?? local.host;
  return `http://${address.includes(":") ? `[${address}]` : address}:${local.port}`;
}

function variableIn(environment: Environment, name: string): Given | undefined {
  const origin = variableOf(name);
  const text = environment[origin];
  return text === undefined ? undefined : { text, origin };
}

/** A misspelt variable would be silently ignored, and a limit that somebody set not be there. */
function refuseUnknownVariables(environment: Environment): void {
  const known = [...SETTING_NAMES.map(variableOf), ...SECRET_VARIABLES];
  for (const name of Object.keys(environment)) {
    if (name.startsWith("ONEFOLD_") && !known.includes(name)) {
      throw new UsageError(`There is no setting ${name}; the nearest is ${nearest(name, known)}.`);
    }
  }
}
