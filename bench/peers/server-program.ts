/** A peer's server: a program with a data folder and a port of its own, ready once the port takes connections. */

import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { keepChild } from "../leftovers.ts";

const START_TIMEOUT_MS = 15_000;
const POLL_MS = 10;

/** Of the log, when a program does not start. */
const LOG_CHARACTERS_MAX = 500;

export interface ServerProgram {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  readonly port: number;
  /** What it says goes into a file here. */
  readonly folder: string;
  readonly stopSignal?: NodeJS.Signals;
}

/** @throws Error when it ends, or takes no connection in time. */
export async function startProgram(
  command: readonly string[],
  { port, folder, stopSignal = "SIGTERM" }: ProgramOptions,
): Promise<ServerProgram> {
  const logPath = join(folder, "server.log");
  const log = openSync(logPath, "a");
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: log, stderr: log, cwd: folder });
  closeSync(log);
  keepChild(child);
  const stop = async (): Promise<void> => {
    child.kill(stopSignal);
    await child.exited;
  };
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop();
      throw new Error(
        `${command[0]} did not start: ${readFileSync(logPath, "utf8").slice(-LOG_CHARACTERS_MAX)}`,
      );
    }
    await Bun.sleep(POLL_MS);
  }
  return { pid: child.pid, stop };
}

async function takesConnections(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

/** The version in what a program says about itself. @throws Error when it names none. */
export function versionOf(command: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync([...command]);
  const text = `${stdout}${stderr}`;
  const version = /\d+\.\d+(\.\d+)?/.exec(text)?.[0];
  if (version === undefined) throw new Error(`${command.join(" ")} names no version: ${text}`);
  return version;
}

export function notInstalled(program: string): string | undefined {
  return Bun.which(program) === null ? `${program} is not installed` : undefined;
}
