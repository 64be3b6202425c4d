/** PostgreSQL over Bun's own client: a prepared statement that takes a batch as one JSON array. */

import { SQL } from "bun";
import { EventText } from "../../load/event-text.ts";
import type { Publisher, PublisherOptions } from "../../load/publisher.ts";

export interface PostgresqlPublisherOptions extends PublisherOptions {
  readonly url: string;
  readonly statement: string;
  readonly eventsPerRequest: number;
}

export class PostgresqlPublisher implements Publisher {
  readonly #sql: SQL;
  readonly #text: EventText;

  constructor(private readonly options: PostgresqlPublisherOptions) {
    this.#sql = new SQL({ url: options.url, max: 1 });
    this.#text = new EventText(options.eventsPerRequest, { head: "[", tail: "]" });
  }

  async open(): Promise<void> {
    await this.#sql.connect();
    for (let i = 0; i < this.options.requestsInFlight; i++) {
      this.#publishOn().catch((error: unknown) => this.options.onFailure(error as Error));
    }
  }

  close(): void {
    void this.#sql.close();
  }

  async #publishOn(): Promise<void> {
    const { statement, mayPublish, nextNumber, onAnswer } = this.options;
    while (mayPublish()) {
      const sentAt = performance.now();
      await this.#sql.unsafe(statement, [this.#text.write(nextNumber).toString("latin1")]);
      onAnswer(performance.now() - sentAt);
    }
  }
}
