/** A whole node, put together: threads, counters, server. The only file that knows all the parts. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Server } from "bun";
import { Access } from "./access/access.ts";
import { faultOfExposure, type Gate, isLoopback } from "./access/gate.ts";
import type { JwtSettings } from "./access/jwt.ts";
import { limitSettingsOf } from "./config/limit-settings.ts";
import { type Config, NO_TCP } from "./config/settings.ts";
import { LedgerClient } from "./ingest/ledger-client.ts";
import type { ToLedger } from "./ingest/ledger-messages.ts";
import { AnswerBudget } from "./limits/answer-budget.ts";
import { BodyDeadlines } from "./limits/body-deadlines.ts";
import { ClientAddresses } from "./limits/client-address.ts";
import { Connections } from "./limits/connections.ts";
import { makeRateLimits, type RateLimitRules } from "./limits/rate-limits.ts";
import { EventFeed } from "./live/event-feed.ts";
import { StatsHub } from "./live/stats-hub.ts";
import { Admission } from "./server/admission.ts";
import { makeApp } from "./server/app.ts";
import { BodyBudget } from "./server/body.ts";
import { Cursors } from "./server/cursors.ts";
import { KeyedRequests } from "./server/keyed-requests.ts";
import { LargeAnswers } from "./server/large-answers.ts";
import { Listeners, type ListenSettings } from "./server/listening/listeners.ts";
import { OpenStreams } from "./server/open-streams.ts";
import { OriginPolicy } from "./server/origins.ts";
import { RefusalCounts } from "./server/refusals.ts";
import { RequestTurns } from "./server/request-turns.ts";
import type { Services } from "./server/services.ts";
import { closeExpired, closeSockets, openSockets } from "./server/sockets.ts";
import { ReaderClient } from "./storage/reader-messages.ts";
import type { Retention } from "./storage/retention.ts";
import { makeRestartRequest } from "./storage/sqlite/checkpointer.ts";
import {
  AlreadyOwnedError,
  acquireOwnerLock,
  LockNotWritableError,
  type OwnerLock,
} from "./storage/sqlite/owner-lock.ts";
import { type NodeFiles, Threads } from "./threads.ts";

export type RetentionSettings = Pick<Config, "retainEvents" | "retainFor" | "retainBytes" | "dedupWindow">;

export interface Node {
  /** Where it is reached: `http://…`, `https://…`, `unix:…`. */
  readonly addresses: readonly string[];
  /** Who is let in, in words for whoever runs it. */
  readonly openness: string;
  /** Resolves when publishes are taken. @throws Error when the store cannot be opened. */
  readonly ready: Promise<{ events: number; topics: number }>;
  /** Resolves with a reason when the node cannot go on. */
  readonly failed: Promise<string>;
  /**
   * Reads again what may change while it runs. What is wrong is noticed before anything has changed.
   * @throws Error with one sentence
   */
  reload(): Promise<void>;
  /** Takes nothing more, answers what is in flight, closes sockets with 1012, checkpoints. */
  stop(): Promise<void>;
}

const LOOP = { now: () => performance.now(), soon: (task: () => void) => void setImmediate(task) };

/** Time for closing frames to reach their clients, and for the store to close. */
const CLOSE_TIMEOUT_MS = 1_000;

/** How often open sockets are held against what their credentials are worth by now, and bodies against their time. */
const SWEEP_INTERVAL_MS = 250;

/** Time for the last HTTP answers to leave. */
const FLUSH_TIMEOUT_MS = 100;

export interface NodeOptions {
  readonly config: Config;
  /** What JSON Web Tokens are checked by; undefined where none are taken. */
  readonly jwt: JwtSettings | undefined;
  readonly files: NodeFiles;
  /** Tells the person who runs the node. */
  readonly log: (line: string) => void;
}

/** @throws Error with one sentence where it must not or cannot be started like this. */
export async function startNode({ config, jwt, files, log }: NodeOptions): Promise<Node> {
  const access = await openAccess(config, jwt, log);
  const databasePath = join(config.data, "onefold.db");
  const lock = ownData(config.data, databasePath);
  const ready = Promise.withResolvers<{ events: number; topics: number }>();
  const failed = Promise.withResolvers<string>();
  const threads = new Threads(files, databasePath, (reason) => failed.resolve(reason));

  const hub = new StatsHub({
    ...LOOP,
    every,
    newEpoch: () => crypto.randomUUID(),
  });
  const { feed, reader, farReader } = feedOf(threads, hub, config);
  const restartRequest = makeRestartRequest();
  const cursors = new Cursors();
  const ledger = new LedgerClient({
    limits: { queuePublishesMax: config.maxQueuePublishes, queueBytesMax: config.maxQueueBytes },
    post: (message: ToLedger) => threads.ledger?.postMessage(message),
    soon: (task) => void setImmediate(task),
    events: {
      opened(contents) {
        if (hub.board.isOpen) log("storage works again, and has been opened afresh");
        cursors.opened(contents.databaseId);
        hub.opened(contents);
        threads.openReaders(restartRequest, reader, farReader);
        feed.opened(contents);
        ready.resolve({ events: contents.events, topics: contents.topics.length });
      },
      committed(notice) {
        hub.committed(notice);
        feed.committed(notice);
      },
      answersKept: (figures) => void (edge.keyedRequests.kept = figures),
      failed: (reason) => log(`storage is failing: ${reason}`),
      healed: () => log("storage works again"),
      fault: (reason) => log(reason),
      unusable: (reason) => (hub.board.isOpen ? failed.resolve(reason) : ready.reject(new Error(reason))),
    },
  });
  const clock = { now: Date.now, startedAt: Date.now() };
  const edge = edgeOf(config, access.gate, { hub, log, server: () => listeners.server });
  sweepNowAndAgain(edge);
  const services: Services = { ...edge, ledger, reader, hub, feed, cursors, clock, log };
  const listeners = await Listeners.open(listenSettingsOf(config), (options) => makeApp(services, options));
  threads.openLedger(ledger, {
    databasePath,
    migrationsFolder: files.migrationsFolder,
    limits: {
      eventsMax: config.maxEvents,
      eventBytesMax: config.maxEventBytes,
      depthMax: config.maxDepth,
      topicsMax: config.maxTopics,
      answerBytesMax: config.maxIdempotencyBytes,
    },
    retention: retentionOf(config),
    answers: { windowMs: config.idempotencyWindow, bytesMax: config.maxIdempotencyBytes },
    acceptsDamagedLog: config.damagedLog === "accept",
    restartRequest,
  });
  return {
    addresses: listeners.addresses,
    openness: access.gate.description,
    ready: ready.promise,
    failed: failed.promise,
    async reload() {
      const prepared = listeners.prepareReload();
      await access.reload();
      const renewed = prepared.apply();
      log(`tokens and keys were read again${renewed === undefined ? "" : `; ${renewed}`}`);
    },
    stop: () =>
      stop({ listeners, streams: edge.streams, ledger, threads, lock, access }, config.drainTimeout),
  };
}

/** The feed of events, and those who read for it. */
function feedOf(threads: Threads, { board }: StatsHub, { maxAnswerBytes }: Config) {
  const reader = new ReaderClient((message) => threads.reader?.postMessage(message));
  const farReader = new ReaderClient((message) => threads.farReader?.postMessage(message));
  const clock = { ...LOOP, later };
  const feed = new EventFeed({ clock, reader, farReader, board, unreadBytesMax: maxAnswerBytes });
  return { feed, reader, farReader };
}

type Edge = Omit<Services, "ledger" | "reader" | "hub" | "feed" | "cursors" | "clock" | "log">;

interface Surroundings extends Pick<Services, "hub" | "log"> {
  /** Any of those that listen: each knows the requests of all. */
  readonly server: () => Server<unknown>;
}

/** What everybody who comes is held to. */
function edgeOf(config: Config, gate: Gate, { hub, log, server }: Surroundings): Edge {
  const limits = {
    bodyBytesMax: config.maxBodyBytes,
    readingBytesMax: Math.max(config.maxBodyBytes, config.maxQueueBytes),
    eventsMax: config.maxEvents,
    inflightMax: config.maxInflight,
    patternsMax: config.maxPatterns,
    idleSeconds: config.idleTimeout,
    socketIdleSeconds: config.socketIdleTimeout,
  };
  const origins = new OriginPolicy({
    allowed: config.allowOrigins,
    isLocalOnly: () => isLocal(config.host) && gate.letsAnonymousIn,
  });
  const addresses = new ClientAddresses(config.trustedProxies);
  const addressOf = (request: Request): string =>
    addresses.nameOf(server().requestIP(request)?.address, request);
  const connections = new Connections({
    max: config.maxConnections,
    maxPerAddress: config.maxConnectionsPerAddress,
    addressOf,
  });
  const admission = new Admission({
    gate,
    origins,
    connections,
    rates: makeRateLimits(ratesOf(config), () => performance.now()),
    addressOf,
    controlFramesPerSecond: config.maxControlFrames,
  });
  const deadlines = (): BodyDeadlines =>
    new BodyDeadlines(config.bodyTimeout * 1_000, SWEEP_INTERVAL_MS, performance.now());
  const setIdleTimeout = (request: Request, seconds: number): void => server().timeout(request, seconds);
  const budget = new AnswerBudget(config.maxAnswerBytes);
  const refusals = new RefusalCounts();
  const isOpened = (): boolean => hub.board.isOpen;
  return {
    admission,
    origins,
    limits,
    limitSettings: limitSettingsOf(config),
    refusals,
    bodyBudget: new BodyBudget(limits.readingBytesMax),
    bodies: deadlines(),
    answers: new LargeAnswers({ budget, deadlines: deadlines(), setIdleTimeout }),
    streams: new OpenStreams({
      ...{ connections, budget, refusals, setIdleTimeout, elapsed: LOOP.now, isOpened, log },
      idleSeconds: config.idleTimeout,
    }),
    keyedRequests: new KeyedRequests(),
    turns: new RequestTurns(LOOP),
    setIdleTimeout,
  };
}

/** What runs out with time. */
function sweepNowAndAgain({ refusals, streams, bodies, answers }: Edge): void {
  setInterval(() => {
    closeExpired(refusals, Date.now());
    streams.sweep(Date.now());
    bodies.sweep(performance.now());
    answers.sweep(performance.now());
  }, SWEEP_INTERVAL_MS).unref();
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

function listenSettingsOf(config: Config): ListenSettings {
  return { ...config, host: config.host === NO_TCP ? undefined : config.host };
}

/** Whoever else may read the events is for the owner of the folder to say. */
const DATA_FOLDER_MODE = 0o700;

/** Makes the data folder where it is missing, and takes possession of it. */
function ownData(folder: string, databasePath: string): OwnerLock {
  try {
    mkdirSync(folder, { recursive: true, mode: DATA_FOLDER_MODE });
    return acquireOwnerLock(databasePath);
  } catch (error) {
    if (error instanceof AlreadyOwnedError || error instanceof LockNotWritableError) throw error;
    const reason = error instanceof Error ? error.message : error;
    throw new Error(`The data folder ${folder} cannot be used (${reason}).`, { cause: error });
  }
}

/** @throws Error with one sentence where everybody would be let in, or what decides it cannot be read. */
async function openAccess(
  { data, host, allowAnonymous }: Config,
  jwt: JwtSettings | undefined,
  log: (line: string) => void,
): Promise<Access> {
  const access = await Access.open(
    { folder: data, anonymousScopes: allowAnonymous, jwt },
    { now: Date.now, elapsed: () => performance.now(), every, log },
  );
  const exposure = isLocal(host) ? undefined : faultOfExposure(host, access.gate);
  if (exposure !== undefined) throw new Error(exposure);
  return access;
}

/** Whether nobody but this machine reaches a node that listens there. */
function isLocal(host: string): boolean {
  return host === NO_TCP || isLoopback(host);
}

function every(intervalMs: number, tick: () => void): () => void {
  const timer = setInterval(tick, intervalMs);
  return () => clearInterval(timer);
}

function later(task: () => void, delayMs: number): void {
  setTimeout(task, delayMs);
}

interface Parts {
  readonly listeners: Listeners;
  readonly streams: OpenStreams;
  readonly ledger: LedgerClient;
  readonly threads: Threads;
  readonly lock: OwnerLock;
  readonly access: Access;
}

async function stop(
  { listeners, streams, ledger, threads, lock, access }: Parts,
  drainTimeoutMs: number,
): Promise<void> {
  // Not awaited: it resolves only when every connection is gone.
  const stopped = listeners.stop();
  await Promise.race([ledger.drain(), Bun.sleep(drainTimeoutMs)]);
  streams.drain();
  if (openSockets.size > 0) await closeSockets(1012, "restarting: reconnect", CLOSE_TIMEOUT_MS);
  // Before the readers: a connection that closes takes the checkpoint's lock, and the ledger could not copy its log back.
  const isClosed = await Promise.race([
    ledger.close().then(() => true),
    Bun.sleep(CLOSE_TIMEOUT_MS).then(() => false),
  ]);
  threads.closeReaders();
  await Promise.race([Promise.all([stopped, access.close()]), Bun.sleep(FLUSH_TIMEOUT_MS)]);
  listeners.close();
  threads.closeLedger();
  // A commit may still be in its sync: then the file is ours until the process has ended.
  if (isClosed) lock.release();
}
