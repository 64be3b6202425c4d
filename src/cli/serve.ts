/** `onefold serve`: runs a node until it is told to stop. */

import { jwtSettingsOf } from "../config/jwt-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import { SETTINGS, variableOf } from "../config/settings.ts";
import { type Node, startNode } from "../node.ts";
import { VERSION } from "../version.ts";
import type { Command, Surroundings } from "./command.ts";
import { printFirstToken } from "./first-token.ts";

export const serve: Command = {
  name: "serve",
  summary: "Runs a node until it is told to stop.",
  flags: SETTINGS,
  note: `Every flag is also a variable: --port is ${variableOf("port")}.`,
  run: runServe,
};

async function runServe(args: readonly string[], { environment, files }: Surroundings): Promise<undefined> {
  const config = parseConfig(args, environment);
  const jwt = jwtSettingsOf(config, environment);
  if (config.firstToken === "print") printFirstToken(config.data);
  const node = await startNode({ config, jwt, files, log: (line) => console.error(`onefold: ${line}`) });
  const signals = stopOnSignals(node);
  reloadOnSignal(node, signals);
  void node.failed.then((reason) => fail(reason));
  const { events, topics } = await node.ready;
  if (signals.isStopping) return;
  console.log(
    `onefold ${VERSION} is ready on ${node.addresses.join(" and ")} (${events} events in ${topics} topics, data in ${config.data}, ${node.openness})`,
  );
}

function fail(reason: string): never {
  console.error(`onefold: ${reason}`);
  process.exit(1);
}

/** What a reload finds wrong is told in one line, and the node goes on with what it has. */
function reloadOnSignal(node: Node, signals: { readonly isStopping: boolean }): void {
  process.on("SIGHUP", () => {
    if (signals.isStopping) return;
    void node.reload().catch((error: unknown) => {
      console.error(`onefold: nothing was reloaded: ${error instanceof Error ? error.message : error}`);
    });
  });
}

/** The first signal stops in order, the second at once. */
function stopOnSignals(node: Node): { readonly isStopping: boolean } {
  const state = { isStopping: false };
  const onSignal = (): void => {
    if (state.isStopping) process.exit(1);
    state.isStopping = true;
    void node.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(`stopping failed: ${error instanceof Error ? error.message : error}`),
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return state;
}
