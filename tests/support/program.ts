/** Any program as a test runs it: text goes in, lines come out, and it always ends with the test. */

import { withDeadline } from "./deadline.ts";
import { cleanEnvironment } from "./node-process.ts";

const spawn = (command: readonly string[], env: Readonly<Record<string, string>>) =>
  Bun.spawn([...command], {
    env: cleanEnvironment(env),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });

type Child = ReturnType<typeof spawn>;

/** Children that a failed test has left behind end with the test process. */
const children = new Set<Child>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

export class Program implements AsyncDisposable {
  stdout = "";
  stderr = "";
  readonly #child: Child;
  readonly #read: Promise<unknown>;
  #wake = Promise.withResolvers<void>();

  constructor(
    readonly command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#child = spawn(command, env);
    children.add(this.#child);
    this.#read = Promise.all([
      this.#collect(this.#child.stdout, (text) => (this.stdout += text)),
      this.#collect(this.#child.stderr, (text) => (this.stderr += text)),
    ]);
  }

  get lines(): string[] {
    return this.stdout.split("\n").slice(0, -1);
  }

  async write(text: string): Promise<void> {
    this.#child.stdin.write(text);
    await this.#child.stdin.flush();
  }

  /** Ends its input and waits until it has ended. @returns the exit code. */
  async end(): Promise<number> {
    await this.#child.stdin.end();
    return this.exited();
  }

  signal(name: "SIGTERM" | "SIGINT"): void {
    this.#child.kill(name);
  }

  async exited(): Promise<number> {
    const ended = Promise.all([this.#child.exited, this.#read]);
    return (
      await withDeadline(ended, () => `\`${this.command.join(" ")}\` to end:\n${this.stdout}${this.stderr}`)
    )[0];
  }

  /** Waits until what it has written so far makes this true. */
  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      await withDeadline(this.#wake.promise, () => `${isReached}:\n${this.stdout}${this.stderr}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    children.delete(this.#child);
  }

  async #collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      take(decoder.decode(chunk, { stream: true }));
      this.#wake.resolve();
      this.#wake = Promise.withResolvers<void>();
    }
  }
}
