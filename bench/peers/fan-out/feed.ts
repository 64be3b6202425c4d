/** Something that tells many subscribers what is published, as the load of the fan-out sees it. */

export interface Feed {
  /** @param onDelivery Hears, for each message, the ordinal of the latest publication that it tells of. */
  subscribe(onDelivery: (publication: number) => void): Promise<void>;
  publish(publication: number): void;
  /** Of one message to a subscriber. */
  readonly messageBytes: number;
}

export type FeedTarget =
  | { readonly protocol: "stats"; readonly url: string }
  | { readonly protocol: "mqtt"; readonly port: number; readonly messageBytes: number };

export interface FanOutOptions {
  readonly target: FeedTarget;
  readonly serverPid: number;
  readonly subscribers: number;
  readonly intervalMs: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}
