/** A feed that remembers who subscribed to what, and tells nothing by itself. */

import type { Feed, FeedSink, FeedSubscription } from "../../../src/live/feed-sink.ts";

export class FakeFeed implements Feed {
  newest: number | undefined = 10;
  readonly readers = new Map<FeedSink, FeedSubscription>();

  subscribe(sink: FeedSink, subscription: FeedSubscription): void {
    this.readers.set(sink, subscription);
    sink.advance(subscription.after === "latest" ? this.newest! : subscription.after);
  }

  unsubscribe(sink: FeedSink): void {
    this.readers.delete(sink);
  }

  get sink(): FeedSink {
    return [...this.readers.keys()][0]!;
  }

  get subscription(): FeedSubscription | undefined {
    return [...this.readers.values()][0];
  }
}
