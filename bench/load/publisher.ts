/** One connection of the load. */

export interface PublisherOptions {
  readonly requestsInFlight: number;
  readonly nextNumber: () => number;
  /** Asked before each request; true counts as a request sent. */
  readonly mayPublish: () => boolean;
  readonly onAnswer: (latencyMs: number) => void;
  readonly onFailure: (error: Error) => void;
}

export interface Publisher {
  /** Connects and begins to publish. */
  open(): Promise<void>;
  close(): void;
}
