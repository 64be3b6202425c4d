/** Every setting of a node, once: flags, environment variables, help, validation and the reference derive from it. */

import { PAYLOAD_DEPTH_MAX } from "../events/event.ts";
import { ACCESS_SETTINGS, TLS_SETTINGS } from "./access-settings.ts";
import { flagOf, type ValuesOf } from "./flags.ts";
import type { Setting } from "./setting.ts";

const MIB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** The host of a node that is reached over its unix socket alone. */
export const NO_TCP = "none";

/** So many in a second, as many at once; 0 is no limit. */
function rate(unit: string, help: string) {
  return { kind: "integer", group: "Limits", default: 0, min: 0, max: 1_000_000_000, unit, help } as const;
}

export const SETTINGS = {
  host: {
    kind: "text",
    group: "Node",
    default: "127.0.0.1",
    placeholder: "ADDRESS",
    help: "Address to listen on, or `none` for a unix socket alone.",
  },
  port: {
    kind: "integer",
    group: "Node",
    default: 8080,
    min: 0,
    max: 65_535,
    unit: "port",
    help: "Port to listen on; 0 takes a free one.",
  },
  unixSocket: {
    kind: "text",
    group: "Node",
    default: "",
    placeholder: "FILE",
    help: "Unix socket to listen on as well; without TLS.",
  },
  unixSocketMode: {
    kind: "file mode",
    group: "Node",
    default: 0o660,
    help: "Who may connect to it.",
  },
  data: {
    kind: "text",
    group: "Node",
    default: "./data",
    placeholder: "FOLDER",
    help: "Folder of the database file; made when missing.",
  },
  damagedLog: {
    kind: "choice",
    group: "Node",
    default: "refuse",
    choices: ["refuse", "accept"],
    help: "What to do at the start when commits in the write-ahead log cannot be read any more.",
  },
  drainTimeout: {
    kind: "integer",
    group: "Node",
    default: 8_000,
    min: 0,
    max: 600_000,
    unit: "ms",
    help: "How long a shutdown waits for what is in flight.",
  },
  ...TLS_SETTINGS,
  ...ACCESS_SETTINGS,
  retainEvents: {
    kind: "topic limits",
    group: "Retention",
    default: [],
    unit: "events",
    help: "Events to keep; the oldest go first.",
  },
  retainFor: {
    kind: "topic limits",
    group: "Retention",
    default: [],
    unit: "duration",
    help: "How long events are kept after their receipt.",
  },
  retainBytes: {
    kind: "topic limits",
    group: "Retention",
    default: [],
    unit: "bytes",
    help: "What events may take; the oldest go first.",
  },
  dedupWindow: {
    kind: "duration",
    group: "Retention",
    default: 0,
    help: "Remembers ids for so long after their first arrival, and always for as long as their event.",
  },
  idempotencyWindow: {
    kind: "duration",
    group: "Retention",
    default: DAY_MS,
    help: "How long the answer to a request with an Idempotency-Key is kept, to be given again.",
  },
  maxBodyBytes: {
    kind: "integer",
    group: "Limits",
    default: 16 * MIB,
    min: 1_024,
    max: 256 * MIB,
    unit: "bytes",
    help: "Size of one body or frame, after decompression.",
  },
  maxEventBytes: {
    kind: "integer",
    group: "Limits",
    default: 16 * MIB,
    min: 64,
    max: 256 * MIB,
    unit: "bytes",
    help: "Size of one event's payload as it is stored.",
  },
  maxEvents: {
    kind: "integer",
    group: "Limits",
    default: 10_000,
    min: 1,
    max: 100_000,
    unit: "events",
    help: "Events in one body or frame.",
  },
  maxTopics: {
    kind: "integer",
    group: "Limits",
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "topics",
    help: "Topics in all.",
  },
  maxDepth: {
    kind: "integer",
    group: "Limits",
    default: PAYLOAD_DEPTH_MAX,
    min: 1,
    max: 1_000,
    unit: "levels",
    help: "Levels that a payload may nest.",
  },
  maxPatterns: {
    kind: "integer",
    group: "Limits",
    default: 1_000,
    min: 1,
    max: 100_000,
    unit: "patterns",
    help: "Patterns of topics in one subscription.",
  },
  maxInflight: {
    kind: "integer",
    group: "Limits",
    default: 1_024,
    min: 1,
    max: 65_536,
    unit: "frames",
    help: "Frames of one publish channel that may wait for their answer.",
  },
  maxQueuePublishes: {
    kind: "integer",
    group: "Limits",
    default: 65_536,
    min: 1,
    max: 1_048_576,
    unit: "publishes",
    help: "Bodies and frames that may wait to be committed; beyond it the answer is 503.",
  },
  maxQueueBytes: {
    kind: "integer",
    group: "Limits",
    default: 64 * MIB,
    min: 1_024,
    max: 4_096 * MIB,
    unit: "bytes",
    help: "The same in bytes of text.",
  },
  maxAnswerBytes: {
    kind: "integer",
    group: "Limits",
    default: 256 * MIB,
    min: 65_536,
    max: 65_536 * MIB,
    unit: "bytes",
    help: "Answers above 64 KiB that are not yet read by who asked, in all; beyond it 503. One alone may be larger. As much again for readers of the feed, who then wait.",
  },
  maxIdempotencyBytes: {
    kind: "integer",
    group: "Limits",
    default: 64 * MIB,
    min: 4_096,
    max: 4_096 * MIB,
    unit: "bytes",
    help: "Answers that are kept for requests with an Idempotency-Key, each with 160 bytes beside its text; beyond it the oldest are forgotten.",
  },
  maxConnections: {
    kind: "integer",
    group: "Limits",
    default: 65_536,
    min: 1,
    max: 1_000_000,
    unit: "connections",
    help: "Open WebSockets and HTTP requests in flight; beyond it 429. HTTP connections that ask for nothing are not seen here: --idle-timeout ends them.",
  },
  maxConnectionsPerAddress: {
    kind: "integer",
    group: "Limits",
    default: 16_384,
    min: 1,
    max: 1_000_000,
    unit: "connections",
    help: "The same for one address; of IPv6 a /64 network is one.",
  },
  maxControlFrames: {
    kind: "integer",
    group: "Limits",
    default: 100,
    min: 1,
    max: 1_000_000,
    unit: "frames/s",
    help: "Frames of one socket in a second that are no publishes, twice as many at once; who goes on regardless is closed.",
  },
  rateRequestsPerToken: rate(
    "requests/s",
    "HTTP requests and frames of one token in a second, as many at once; 0 is no limit.",
  ),
  rateEventsPerToken: rate(
    "events/s",
    "Published events of one token in a second, duplicates included. A publish that goes beyond it is taken, and what comes next waits.",
  ),
  rateRequestsPerAddress: rate(
    "requests/s",
    "Requests and frames of one address in a second, on routes that ask for a scope, before its credentials are looked at; 0 is no limit.",
  ),
  rateEventsPerAddress: rate("events/s", "Published events of one address in a second, duplicates included."),
  idleTimeout: {
    kind: "integer",
    group: "Limits",
    default: 30,
    min: 1,
    max: 255,
    unit: "s",
    help: "How long an HTTP connection may be silent: before a request, in its head, or while an answer is waited for. Counted in steps of 4 s.",
  },
  bodyTimeout: {
    kind: "integer",
    group: "Limits",
    default: 30,
    min: 1,
    max: 3_600,
    unit: "s",
    help: "How long a body may take to arrive, and a second more for each 16 KiB of one beyond 64 KiB; beyond it 408. An answer above 64 KiB has as long to be read.",
  },
  socketIdleTimeout: {
    kind: "integer",
    group: "Limits",
    default: 120,
    min: 8,
    max: 960,
    unit: "s",
    help: "How long a WebSocket may be silent; it is pinged before, and closed when it does not answer.",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

/** The settings of one node, checked. */
export type Config = ValuesOf<typeof SETTINGS>;

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export function variableOf(name: string): string {
  return `ONEFOLD_${flagOf(name).replaceAll("-", "_").toUpperCase()}`;
}
