/** The process of subscribers, as a bench sees it: opens so many, and says at the end what they were told. */

import { join } from "node:path";
import { withDeadline } from "../../tests/support/deadline.ts";
import { keepChild } from "../leftovers.ts";
import type { FromSubscribers, ToSubscribers } from "./subscribers.ts";
import type { StatsView } from "./subscription.ts";

type Finished = Extract<FromSubscribers, { type: "finished" }>;

/** Ten thousand connections take a few seconds; so does reading what a slow server has yet to say. */
const ANSWER_MS_MAX = 60_000;

export class SubscriberProcess {
  readonly #process: Bun.Subprocess;
  readonly #failed = Promise.withResolvers<never>();
  #answered = Promise.withResolvers<FromSubscribers>();

  constructor() {
    this.#failed.promise.catch(() => {});
    this.#process = Bun.spawn([process.execPath, join(import.meta.dir, "subscribers.ts")], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message: FromSubscribers) => {
        if (message.type === "failed") this.#failed.reject(new Error(`subscribers: ${message.reason}`));
        else this.#answered.resolve(message);
      },
    });
    keepChild(this.#process);
    void this.#process.exited.then((code) =>
      this.#failed.reject(new Error(`the subscribers' process ended with ${code}`)),
    );
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves when each has its snapshot. */
  async open(url: string, count: number): Promise<void> {
    await this.#ask({ type: "open", url, count });
  }

  /** @throws Error unless each arrives at the truth, where there is one, and has been told nothing that does not add up. */
  async finish(truth: StatsView | undefined): Promise<Finished> {
    return (await this.#ask({ type: "finish", truth })) as Finished;
  }

  async end(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async #ask(order: ToSubscribers): Promise<FromSubscribers> {
    this.#answered = Promise.withResolvers();
    this.#process.send(order);
    const answer = Promise.race([this.#answered.promise, this.#failed.promise]);
    return await withDeadline(answer, () => `the subscribers' answer to ${order.type}`, ANSWER_MS_MAX);
  }
}
