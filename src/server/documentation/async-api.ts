/** The AsyncAPI document: the channels that the node has, made from their models and held to its routes. */

import { VERSION } from "../../version.ts";
import { CLOSE_CODES } from "../models/close-codes.ts";
import { frameModels } from "../models/frame-models.ts";
import type { Parameters } from "../models/parameters.ts";
import { ABOUT } from "./about.ts";
import type { ScopesOf } from "./access.ts";
import {
  type Channel,
  type ChannelLimits,
  type ChannelOperation,
  isChannelPath,
  isSocket,
  type Message,
} from "./channel.ts";
import { CHANNEL_SECURITY_SCHEMES, channelServer, type ServerName } from "./channel-servers.ts";
import { FEED_MESSAGES, FEED_SOCKET_CHANNEL, FEED_STREAM_CHANNEL } from "./event-channels.ts";
import { PUBLISH_CHANNEL, publishMessages } from "./publish-channel.ts";
import { SOCKET_MESSAGES } from "./socket-messages.ts";
import { STATS_MESSAGES, STATS_SOCKET_CHANNEL, STATS_STREAM_CHANNEL } from "./stats-channels.ts";

const ASYNCAPI_VERSION = "3.1.0";

/** Bindings have versions of their own. */
const WS_BINDING_VERSION = "0.1.0";
const HTTP_BINDING_VERSION = "0.3.0";

/** In the order in which they are shown. */
const CHANNELS: readonly Channel[] = [
  PUBLISH_CHANNEL,
  STATS_SOCKET_CHANNEL,
  FEED_SOCKET_CHANNEL,
  STATS_STREAM_CHANNEL,
  FEED_STREAM_CHANNEL,
];

const DESCRIPTION = `What goes over the WebSockets of a node and over its streams of server-sent events. Requests and their answers are in the OpenAPI document, \`/docs/json\`.

**Frames.** Text, one JSON value each, well-formed UTF-8; those of the node have a \`type\`. Members that a client does not know may be added to them.

**Credentials.** A node that was given no credentials asks for none. A browser, which cannot set the headers of a socket, uses \`access_token\` or the subprotocol \`bearer.<token>\` beside the one that it speaks. A socket with credentials that are not accepted is opened, told why in an \`error\` frame, and closed with 4401 or 4403.

**Control frames.** Frames of a subscriber, and \`auth\` frames of any socket, are limited in number; those beyond the limit are answered \`rate_limited\` and not looked at.`;

export interface AsyncApiOptions {
  readonly limits: ChannelLimits;
  /** Whether the node is reached over TLS. */
  readonly isTls: boolean;
  /** The routes that the node has; those of channels are described. */
  readonly paths: readonly string[];
  readonly scopesOf: ScopesOf;
}

/** @throws Error for the route of a channel that nobody has described. */
export function makeAsyncApiDocument({ limits, isTls, paths, scopesOf }: AsyncApiOptions) {
  const channels = describedChannels(paths);
  const used = new Set(channels.flatMap(messagesOf));
  const all: Readonly<Record<string, Message>> = {
    ...publishMessages(limits),
    ...STATS_MESSAGES,
    ...FEED_MESSAGES,
    ...SOCKET_MESSAGES,
  };
  const messages = Object.entries(all).filter(([name]) => used.has(name));
  const servers = [...new Set(channels.map(serverOf))];
  return {
    asyncapi: ASYNCAPI_VERSION,
    id: "urn:onefold:channels",
    info: {
      title: "onefold: channels",
      version: VERSION,
      description: DESCRIPTION,
      ...ABOUT,
      tags: [{ name: "onefold", description: "Counts each event once." }],
    },
    defaultContentType: "application/json",
    servers: Object.fromEntries(servers.map((name) => [name, channelServer(name, isTls)])),
    channels: Object.fromEntries(channels.map((channel) => [channel.name, channelPart(channel, scopesOf)])),
    operations: Object.fromEntries(
      channels.flatMap((channel) =>
        Object.entries(channel.operations).map(([name, operation]) => [
          name,
          operationPart(channel, operation),
        ]),
      ),
    ),
    components: {
      messages: Object.fromEntries(messages.map(([name, message]) => [name, messagePart(name, message)])),
      schemas: reachedModels(
        messages.map(([, { model }]) => model),
        frameModels(limits),
      ),
      correlationIds: {
        frameId: {
          description: "What the publisher gave the frame, or its ordinal where it gave none.",
          location: "$message.payload#/id",
        },
      },
      securitySchemes: CHANNEL_SECURITY_SCHEMES,
    },
  };
}

export type AsyncApi = ReturnType<typeof makeAsyncApiDocument>;

function describedChannels(paths: readonly string[]): readonly Channel[] {
  const missing = paths.filter(
    (path) => isChannelPath(path) && !CHANNELS.some((known) => known.path === path),
  );
  if (missing.length > 0) throw new Error(`Expected a description of the channel ${missing.join()}`);
  return CHANNELS.filter(({ path }) => paths.includes(path));
}

function serverOf(channel: Channel): ServerName {
  return isSocket(channel) ? "sockets" : "streams";
}

function messagesOf({ operations }: Channel): string[] {
  return [
    ...new Set(Object.values(operations).flatMap(({ messages, reply = [] }) => [...messages, ...reply])),
  ];
}

function channelPart(channel: Channel, scopesOf: ScopesOf) {
  const { path, title, summary, description, parameters, subprotocols } = channel;
  return {
    address: path,
    title,
    summary,
    description,
    servers: [{ $ref: `#/servers/${serverOf(channel)}` }],
    messages: Object.fromEntries(
      messagesOf(channel).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
    ...(isSocket(channel) && {
      bindings: { ws: { method: "GET", query: queryPart(parameters), bindingVersion: WS_BINDING_VERSION } },
      "x-close-codes": CLOSE_CODES,
      "x-subprotocols": subprotocols ?? [],
    }),
    "x-scopes": scopesOf("get", path),
  };
}

function operationPart(
  channel: Channel,
  { action, summary, description, messages, reply }: ChannelOperation,
) {
  const refs = (names: readonly string[]) =>
    names.map((name) => ({ $ref: `#/channels/${channel.name}/messages/${name}` }));
  const at = { channel: { $ref: `#/channels/${channel.name}` } };
  return {
    action,
    ...at,
    title: summary,
    summary: `${summary}.`,
    description,
    messages: refs(messages),
    ...(reply !== undefined && { reply: { ...at, messages: refs(reply) } }),
    ...(!isSocket(channel) && {
      bindings: {
        http: { method: "GET", query: queryPart(channel.parameters), bindingVersion: HTTP_BINDING_VERSION },
      },
    }),
  };
}

function queryPart(parameters: Parameters) {
  return { type: "object", properties: parameters, additionalProperties: false };
}

function messagePart(name: string, { title, summary, model, correlation, examples }: Message) {
  return {
    name,
    title,
    summary,
    contentType: "application/json",
    ...(correlation !== undefined && {
      correlationId: { $ref: `#/components/correlationIds/${correlation}` },
    }),
    payload: { $ref: `#/components/schemas/${model}` },
    examples,
  };
}

/** The models of these names, and all that they refer to. */
function reachedModels(
  names: readonly string[],
  models: Readonly<Record<string, object>>,
): Record<string, object> {
  const reached = new Set(names);
  for (const name of reached) {
    const model = models[name];
    if (model === undefined) throw new Error(`Expected a model called ${name}`);
    for (const [, next] of JSON.stringify(model).matchAll(/"#\/components\/schemas\/(\w+)"/g))
      reached.add(next!);
  }
  return Object.fromEntries([...reached].sort().map((name) => [name, models[name]!]));
}
