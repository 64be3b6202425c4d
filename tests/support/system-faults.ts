/** Makes the system calls of a running node fail or take long, from the outside, until it is told to stop. */

import { withDeadline } from "./deadline.ts";
import { find, isMissing } from "./prerequisites.ts";

/** Whether the faults cannot be had here; says so aloud. Some containers forbid to look into other processes. */
export function lacksSystemFaults(): boolean {
  if (isMissing("strace")) return true;
  const { success } = Bun.spawnSync([find("strace")!, "-qq", "-o", "/dev/null", "true"]);
  if (!success) console.error("!!! TESTS SKIPPED: strace may not trace here.");
  return !success;
}

const spawn = (command: string[]) => Bun.spawn(command, { stdout: "ignore", stderr: "pipe" });

/**
 * Goes before a command, so that its syncs take long from the start. Unlike faults that are injected later it stops the
 * process at nothing but its syncs, and so leaves its speed alone. The process keeps the id that was given to it.
 *
 * @param onlyNth which sync of each thread is slow, counted from 1; without it all are.
 */
export function slowSyncs(delayMs: number, onlyNth?: number): string[] {
  const when = onlyNth === undefined ? "" : `:when=${onlyNth}`;
  return [
    find("strace")!,
    ...["-D", "-f", "--seccomp-bpf", "-qq"],
    ...["-o", "/dev/null"],
    ...["-e", "trace=fdatasync,fsync"],
    ...["-e", `inject=fdatasync,fsync:delay_enter=${Math.max(1, Math.round(delayMs * 1_000))}${when}`],
  ];
}

export class SystemFaults implements AsyncDisposable {
  readonly #tracer: ReturnType<typeof spawn>;

  private constructor(tracer: ReturnType<typeof spawn>) {
    this.#tracer = tracer;
  }

  /**
   * Resolves once they are in force, in every thread.
   *
   * @param calls separated by commas
   * @param fault what to do to them, in strace's own words: `error=EIO`, `delay_enter=1000000` (microseconds)
   */
  static async inject(pid: number, calls: string, fault: string): Promise<SystemFaults> {
    const tracer = spawn([
      find("strace")!,
      "-f",
      ...["-o", "/dev/null"],
      ...["-e", `trace=${calls}`],
      ...["-e", `inject=${calls}:${fault}`],
      ...["-p", String(pid)],
    ]);
    const faults = new SystemFaults(tracer);
    let said = "";
    const attached = (async (): Promise<void> => {
      for await (const chunk of tracer.stderr.pipeThrough(new TextDecoderStream())) {
        said += chunk;
        if (said.includes("attached")) return;
      }
      throw new Error(`strace ended: ${said}`);
    })();
    await withDeadline(attached, () => `strace to attach: ${said}`);
    return faults;
  }

  /** The calls work again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#tracer.kill("SIGINT");
    await withDeadline(this.#tracer.exited, () => "strace to let go");
  }
}
