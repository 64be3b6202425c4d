/** A process that holds the subscribers of a fan-out: opens them, checks and times what they get, waits for the last. */

import { sum } from "../statistics.ts";
import type { ToldFrame } from "./delivery.ts";
import { type StatsView, Subscription } from "./subscription.ts";
import { ToldFrames } from "./told-frames.ts";
import { upgradeRequest } from "./ws-frames.ts";

export type ToSubscribers =
  | { readonly type: "open"; readonly url: string; readonly count: number }
  /** Without a truth whatever they have is right. */
  | { readonly type: "finish"; readonly truth: StatsView | undefined };

export type FromSubscribers =
  | { readonly type: "opened" }
  | { readonly type: "failed"; readonly reason: string }
  | { readonly type: "finished"; readonly frames: readonly ToldFrame[]; readonly frameBytesMean: number };

/** Connections that are being opened at one time: fewer than a server's queue of new ones holds. */
const OPENING_MAX = 64;

const LOOK_MS = 10;

const subscriptions: Subscription[] = [];
const told = new ToldFrames();

function tell(message: FromSubscribers): void {
  process.send!(message);
}

/** The bench ends with it. */
function fail(error: unknown): void {
  tell({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
}

async function open(address: string, count: number): Promise<void> {
  const url = new URL(address);
  const next = async (): Promise<void> => {
    while (subscriptions.length < count) await openOne(url);
  };
  await Promise.all(Array.from({ length: OPENING_MAX }, next));
  tell({ type: "opened" });
}

/** Resolves with the snapshot. The first socket parses every frame, the others only what it begins with. */
async function openOne(url: URL): Promise<void> {
  const opened = Promise.withResolvers<void>();
  const subscription = new Subscription(told, subscriptions.length === 0, opened.resolve);
  subscriptions.push(subscription);
  await Bun.connect<Subscription>({
    hostname: url.hostname,
    port: Number(url.port),
    data: subscription,
    socket: handlers(upgradeRequest(url)),
  });
  await opened.promise;
}

function handlers(request: string): Bun.SocketHandler<Subscription> {
  return {
    open: (socket) => void socket.write(request),
    data({ data }, chunk) {
      try {
        data.read(chunk);
      } catch (error) {
        fail(error);
      }
    },
    close: () => fail(new Error("the server cut a subscriber's connection")),
    connectError: (_socket, error) => fail(error),
  };
}

async function finish(truth: StatsView | undefined): Promise<void> {
  if (truth !== undefined) {
    while (subscriptions.some(({ revision }) => revision < truth.revision)) await Bun.sleep(LOOK_MS);
    expectTruth(truth);
  }
  const deltas = sum(subscriptions.map((subscription) => subscription.deltas));
  const deltaBytes = sum(subscriptions.map((subscription) => subscription.deltaBytes));
  tell({ type: "finished", frames: told.list(), frameBytesMean: deltaBytes / deltas });
}

/** @throws Error unless each has counted exactly what the server has. */
function expectTruth(truth: StatsView): void {
  const wrong = subscriptions.filter(
    ({ revision, received }) => revision !== truth.revision || received !== truth.received,
  );
  if (wrong.length > 0) {
    const { revision, received } = wrong[0]!;
    throw new Error(
      `${wrong.length} subscribers are off: one counts ${received} at ${revision}, the server ${truth.received} at ${truth.revision}`,
    );
  }
  const { view } = subscriptions[0]!;
  if (!Bun.deepEquals(counted(view!), counted(truth)))
    throw new Error("snapshot plus deltas is not what GET /stats says");
}

/** The counters of a view without what else a frame or an answer says. */
function counted({ topics, ...view }: StatsView): unknown {
  const names = ["received", "unique_processed", "duplicate_dropped", "conflicts"] as const;
  const only = (counters: Omit<StatsView, "topics" | "revision">): number[] =>
    names.map((name) => counters[name]);
  const byName = Object.entries(topics).sort(([a], [b]) => (a < b ? -1 : 1));
  return [only(view), byName.map(([name, counters]) => [name, only(counters)])];
}

process.on("message", (message) => {
  const order = message as ToSubscribers;
  const done = order.type === "open" ? open(order.url, order.count) : finish(order.truth);
  done.catch(fail);
});
process.on("disconnect", () => process.exit(1));
