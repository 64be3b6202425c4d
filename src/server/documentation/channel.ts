/** The parts that the description of a channel is put together from: a socket, or a stream of server-sent events. */

import type { Parameters } from "../models/parameters.ts";

/** The limits of this node that channels tell of. */
export interface ChannelLimits {
  readonly eventsMax: number;
  readonly bodyBytesMax: number;
  readonly inflightMax: number;
  readonly patternsMax: number;
}

export interface Message {
  readonly title: string;
  readonly summary: string;
  /** The name of its model. */
  readonly model: string;
  /** Where the id stands that ties an answer to what it answers. */
  readonly correlation?: "frameId";
  readonly examples: readonly {
    readonly name: string;
    readonly summary: string;
    readonly payload: unknown;
  }[];
}

export interface ChannelOperation {
  /** As the node sees it. */
  readonly action: "send" | "receive";
  readonly summary: string;
  readonly description: string;
  /** By the names of the messages. */
  readonly messages: readonly string[];
  /** What each is answered by, where each is answered. */
  readonly reply?: readonly string[];
}

export interface Channel {
  readonly name: string;
  readonly path: string;
  readonly title: string;
  readonly summary: string;
  readonly description: string;
  /** The query, when it is opened. */
  readonly parameters: Parameters;
  readonly subprotocols?: readonly string[];
  /** By their names, which are those of no other channel. */
  readonly operations: Readonly<Record<string, ChannelOperation>>;
}

/** Whether a route is one of channels, and no request that is answered at once. */
export function isChannelPath(path: string): boolean {
  return path.startsWith("/ws/") || path.endsWith("/stream");
}

/** Sockets alone have frames that come in, and codes that they are closed with. */
export function isSocket({ path }: Channel): boolean {
  return path.startsWith("/ws/");
}

/** The same on a stream. An EventSource takes an answer other than 200 as final, so it is told within one. */
export function onEveryStream(channel: string): Readonly<Record<string, ChannelOperation>> {
  return {
    [`${channel}Refuse`]: {
      action: "send",
      summary: "Why the stream ends",
      description:
        "Before it ends: credentials that are over, say. What is wrong from the beginning is a problem document with its status, as the OpenAPI document has it.",
      messages: ["error"],
    },
  };
}

/** What happens on any socket, whatever else happens there. @param channel its name, which begins the operations'. */
export function onEverySocket(channel: string): Readonly<Record<string, ChannelOperation>> {
  return {
    [`${channel}Renew`]: {
      action: "receive",
      summary: "Fresh credentials",
      description:
        "Before they expire, or when others are to hold: the socket stays open. Where they are refused, those before go on.",
      messages: ["auth"],
      reply: ["authorized", "error"],
    },
    [`${channel}Refuse`]: {
      action: "send",
      summary: "Why the socket is closed",
      description:
        "Before it is closed with 4400, 4401, 4403 or 4429: a browser cannot see the status of an upgrade.",
      messages: ["error"],
    },
  };
}
