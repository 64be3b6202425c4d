/** What must not outlive the bench, however it ends: the processes it started and the data they wrote. */

import { rmSync } from "node:fs";
import { constants } from "node:os";

const children = new Set<Bun.Subprocess>();
const folders = new Set<string>();

export type Child = Bun.Subprocess<"ignore", "pipe", "inherit">;

/** Starts a process whose stdout is read here. */
export function startChild(command: readonly string[]): Child {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  keepChild(child);
  return child;
}

/** For a process that was started elsewhere, with streams of another kind. */
export function keepChild(child: Bun.Subprocess): void {
  children.add(child);
  void child.exited.then(() => children.delete(child));
}

export function keepFolder(path: string): void {
  folders.add(path);
}

export function removeFolder(path: string): void {
  // A process that was killed a moment ago may still be making a file.
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  folders.delete(path);
}

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) removeFolder(folder);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => process.exit(128 + constants.signals[signal]));
}
