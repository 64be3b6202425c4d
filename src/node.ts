/** A whole node, put together: threads, counters, server. The only file that knows all the parts. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { faultOfExposure, Gate } from "./access/gate.ts";
import type { Config } from "./config/settings.ts";
import { LedgerClient } from "./ingest/ledger-client.ts";
import type { FromLedger, ToLedger } from "./ingest/ledger-messages.ts";
import { BodyDeadlines } from "./limits/body-deadlines.ts";
import { ClientAddresses } from "./limits/client-address.ts";
import { Connections } from "./limits/connections.ts";
import { makeRateLimits, type RateLimitRules } from "./limits/rate-limits.ts";
import { StatsHub } from "./live/stats-hub.ts";
import { Admission } from "./server/admission.ts";
import { type App, makeApp } from "./server/app.ts";
import { OriginPolicy } from "./server/origins.ts";
import type { Services } from "./server/services.ts";
import { closeExpired, closeSockets, openSockets } from "./server/sockets.ts";
import { type FromReader, ReaderClient } from "./storage/reader-messages.ts";
import type { Retention } from "./storage/retention.ts";
import { makeRestartRequest } from "./storage/sqlite/checkpointer.ts";
import { AlreadyOwnedError, acquireOwnerLock, type OwnerLock } from "./storage/sqlite/owner-lock.ts";
import type { CheckpointStart, LedgerStart, ReaderStart } from "./workers/messages.ts";

export type RetentionSettings = Pick<Config, "retainEvents" | "retainFor" | "retainBytes" | "dedupWindow">;

/** Where the parts that are not code of the main thread lie; differs between source and executable. */
export interface NodeFiles {
  readonly migrationsFolder: string;
  readonly ledgerWorker: URL;
  readonly readerWorker: URL;
  readonly checkpointWorker: URL;
}

export interface Node {
  /** The address it serves on. */
  readonly url: string;
  /** Resolves when publishes are taken. @throws Error when the store cannot be opened. */
  readonly ready: Promise<{ events: number; topics: number }>;
  /** Resolves with a reason when the node cannot go on. */
  readonly failed: Promise<string>;
  /** Takes nothing more, answers what is in flight, closes sockets with 1012, checkpoints. */
  stop(): Promise<void>;
}

/** Time for closing frames to reach their clients, and for the store to close. */
const CLOSE_TIMEOUT_MS = 1_000;

/** How often open sockets are held against what their credentials are worth by now, and bodies against their time. */
const SWEEP_INTERVAL_MS = 250;

/** Time for the last HTTP answers to leave. */
const FLUSH_TIMEOUT_MS = 100;

/** @throws Error with one sentence where it must not or cannot be started like this. */
export function startNode(config: Config, files: NodeFiles, log: (line: string) => void): Node {
  const gate = new Gate({ authenticators: [], anonymousScopes: config.allowAnonymous });
  const exposure = faultOfExposure(config.host, gate);
  if (exposure !== undefined) throw new Error(exposure);
  const databasePath = join(config.data, "onefold.db");
  const lock = ownData(config.data, databasePath);
  const ready = Promise.withResolvers<{ events: number; topics: number }>();
  const failed = Promise.withResolvers<string>();
  const threads = new Threads((reason) => failed.resolve(reason));

  let app: App | undefined;
  const hub = new StatsHub({
    now: () => performance.now(),
    every: (intervalMs, tick) => {
      const timer = setInterval(tick, intervalMs);
      return () => clearInterval(timer);
    },
    soon: (task) => void setImmediate(task),
    newEpoch: () => crypto.randomUUID(),
  });
  const reader = new ReaderClient((message) => threads.reader?.postMessage(message));
  const restartRequest = makeRestartRequest();
  const ledger = new LedgerClient({
    limits: { queuePublishesMax: config.maxQueuePublishes, queueBytesMax: config.maxQueueBytes },
    post: (message: ToLedger) => threads.ledger?.postMessage(message),
    soon: (task) => void setImmediate(task),
    events: {
      opened(contents) {
        if (hub.board.isOpen) log("storage works again, and has been opened afresh");
        hub.opened(contents);
        threads.openReaders(files, databasePath, restartRequest, reader);
        ready.resolve({ events: contents.events, topics: contents.topics.length });
      },
      committed: (notice) => hub.committed(notice),
      failed: (reason) => log(`storage is failing: ${reason}`),
      healed: () => log("storage works again"),
      fault: (reason) => log(reason),
      unusable: (reason) => (hub.board.isOpen ? failed.resolve(reason) : ready.reject(new Error(reason))),
    },
  });
  const clock = { now: Date.now, startedAt: Date.now() };
  const edge = edgeOf(config, gate, () => app?.server ?? undefined);
  setInterval(() => {
    closeExpired(Date.now());
    edge.bodies.sweep(performance.now());
  }, SWEEP_INTERVAL_MS).unref();
  const services: Services = { ...edge, ledger, reader, hub, clock, log };
  app = makeApp(services).listen({ hostname: config.host, port: config.port });
  threads.openLedger(files, ledger, {
    databasePath,
    migrationsFolder: files.migrationsFolder,
    limits: {
      eventsMax: config.maxEvents,
      eventBytesMax: config.maxEventBytes,
      depthMax: config.maxDepth,
      topicsMax: config.maxTopics,
    },
    retention: retentionOf(config),
    acceptsDamagedLog: config.damagedLog === "accept",
    restartRequest,
  });
  return {
    url: `http://${urlHost(config.host)}:${app.server!.port}`,
    ready: ready.promise,
    failed: failed.promise,
    stop: () => stop(app, ledger, threads, lock, config.drainTimeout),
  };
}

type Edge = Pick<Services, "admission" | "origins" | "limits" | "bodies" | "setIdleTimeout">;

/** What everybody who comes is held to. @param server undefined before it listens. */
function edgeOf(config: Config, gate: Gate, server: () => App["server"] | undefined): Edge {
  const limits = {
    bodyBytesMax: config.maxBodyBytes,
    readingBytesMax: Math.max(config.maxBodyBytes, config.maxQueueBytes),
    eventsMax: config.maxEvents,
    inflightMax: config.maxInflight,
    patternsMax: config.maxPatterns,
    idleSeconds: config.idleTimeout,
    socketIdleSeconds: config.socketIdleTimeout,
  };
  const origins = new OriginPolicy({ allowed: config.allowOrigins, isLocalOnly: () => gate.isOpen });
  const addresses = new ClientAddresses(config.trustedProxies);
  const addressOf = (request: Request): string =>
    addresses.nameOf(server()?.requestIP(request)?.address, request);
  const admission = new Admission({
    gate,
    origins,
    connections: new Connections({
      max: config.maxConnections,
      maxPerAddress: config.maxConnectionsPerAddress,
      addressOf,
    }),
    rates: makeRateLimits(ratesOf(config), () => performance.now()),
    addressOf,
    controlFramesPerSecond: config.maxControlFrames,
  });
  const bodies = new BodyDeadlines(config.bodyTimeout * 1_000, SWEEP_INTERVAL_MS, performance.now());
  return {
    admission,
    origins,
    limits,
    bodies,
    setIdleTimeout: (request, seconds) => server()?.timeout(request, seconds),
  };
}

function ratesOf(config: Config): RateLimitRules {
  return {
    perToken: { requests: config.rateRequestsPerToken, events: config.rateEventsPerToken },
    perAddress: { requests: config.rateRequestsPerAddress, events: config.rateEventsPerAddress },
  };
}

export function retentionOf({
  retainEvents,
  retainFor,
  retainBytes,
  dedupWindow,
}: RetentionSettings): Retention {
  return { events: retainEvents, ages: retainFor, bytes: retainBytes, dedupWindowMs: dedupWindow };
}

/** Makes the data folder where it is missing, and takes possession of it. */
function ownData(folder: string, databasePath: string): OwnerLock {
  try {
    mkdirSync(folder, { recursive: true });
    return acquireOwnerLock(databasePath);
  } catch (error) {
    if (error instanceof AlreadyOwnedError) throw error;
    const reason = error instanceof Error ? error.message : error;
    throw new Error(`The data folder ${folder} cannot be used (${reason}).`, { cause: error });
  }
}

async function stop(
  app: App,
  ledger: LedgerClient,
  threads: Threads,
  lock: { release(): void },
  drainTimeoutMs: number,
): Promise<void> {
  // Not awaited: it resolves only when every connection is gone.
  const stopped = app.server?.stop(false);
  await Promise.race([ledger.drain(), Bun.sleep(drainTimeoutMs)]);
  if (openSockets.size > 0) await closeSockets(1012, "restarting: reconnect", CLOSE_TIMEOUT_MS);
  // Before the readers: a connection that closes takes the checkpoint's lock, and the ledger could not copy its log back.
  const isClosed = await Promise.race([
    ledger.close().then(() => true),
    Bun.sleep(CLOSE_TIMEOUT_MS).then(() => false),
  ]);
  threads.closeReaders();
  await Promise.race([stopped, Bun.sleep(FLUSH_TIMEOUT_MS)]);
  app.server?.stop(true);
  threads.closeLedger();
  // A commit may still be in its sync: then the file is ours until the process has ended.
  if (isClosed) lock.release();
}

/** The three workers of a node. */
class Threads {
  ledger: Worker | undefined;
  reader: Worker | undefined;
  #checkpoint: Worker | undefined;
  #isClosing = false;

  constructor(private readonly onDeath: (reason: string) => void) {}

  openLedger({ ledgerWorker }: NodeFiles, client: LedgerClient, start: LedgerStart): void {
    this.ledger = this.#open(ledgerWorker, "ledger", start);
    this.ledger.onmessage = ({ data }: MessageEvent<FromLedger>) => client.receive(data);
  }

  /** Started once there is a migrated database to read. */
  openReaders(
    files: NodeFiles,
    databasePath: string,
    restartRequest: Int32Array,
    client: ReaderClient,
  ): void {
    if (this.reader !== undefined) return;
    const reader: ReaderStart = { databasePath };
    this.reader = this.#open(files.readerWorker, "reader", reader);
    this.reader.onmessage = ({ data }: MessageEvent<FromReader>) => client.receive(data);
    const checkpoint: CheckpointStart = { databasePath, restartRequest };
    this.#checkpoint = this.#open(files.checkpointWorker, "checkpoint", checkpoint);
  }

  /** From now on a thread that ends is one that was told to. */
  closeReaders(): void {
    this.#isClosing = true;
    this.reader?.terminate();
    this.#checkpoint?.terminate();
  }

  closeLedger(): void {
    this.ledger?.terminate();
  }

  #open(file: URL, name: string, start: unknown): Worker {
    const worker = new Worker(file.href, { name });
    worker.onerror = (event) => this.#died(name, messageOf(event));
    worker.addEventListener("close", () => this.#died(name, "it ended without an error"));
    worker.postMessage(start);
    return worker;
  }

  #died(name: string, reason: string): void {
    if (!this.#isClosing) this.onDeath(`the ${name} thread died: ${reason}`);
  }
}

/** In an executable the event's own text is the error with a piece of the code around it, on many lines. */
function messageOf({ message }: ErrorEvent): string {
  const [, found = message] = /^(?:\w*[eE]rror): (.*)$/m.exec(message) ?? [];
  return found;
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
