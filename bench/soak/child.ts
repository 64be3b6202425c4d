/** A process of the soak, as the soak sees it: it is told messages, and is waited for with a deadline. */

import { join } from "node:path";
import { withDeadline } from "../../tests/support/deadline.ts";
import { keepChild } from "../leftovers.ts";
import type { FromChild, ToChild } from "./messages.ts";

type Type = FromChild["type"];
type Message<T extends Type> = Extract<FromChild, { type: T }>;

export class SoakChild {
  readonly #process: Bun.Subprocess;
  readonly #waiting = new Map<Type, PromiseWithResolvers<FromChild>>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #name: string;

  /** @param file Of this folder. */
  constructor(file: string, options: Extract<ToChild, { type: "start" }>["options"]) {
    this.#name = file;
    this.#failed.promise.catch(() => {});
    this.#process = Bun.spawn([process.execPath, join(import.meta.dir, file)], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message: FromChild) => this.#receive(message),
    });
    keepChild(this.#process);
    void this.#process.exited.then((code) => this.#failed.reject(new Error(`${file} ended with ${code}`)));
    this.tell({ type: "start", options });
  }

  /** One that has ended hears nothing; whoever waits for its answer is told why. */
  tell(message: ToChild): void {
    if (this.#process.exitCode === null) this.#process.send(message);
  }

  /** The next message of a type. @throws Error when the child fails or is silent for so long. */
  async next<T extends Type>(type: T, timeoutMs: number): Promise<Message<T>> {
    const waiting = Promise.withResolvers<FromChild>();
    this.#waiting.set(type, waiting);
    const message = Promise.race([waiting.promise, this.#failed.promise]);
    return (await withDeadline(message, () => `\`${type}\` from ${this.#name}`, timeoutMs)) as Message<T>;
  }

  async end(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  #receive(message: FromChild): void {
    if (message.type === "failed") this.#failed.reject(new Error(`${this.#name}: ${message.reason}`));
    this.#waiting.get(message.type)?.resolve(message);
    this.#waiting.delete(message.type);
  }
}
