/** The AsyncAPI document of a node, as a judge: of the frames that the node sends, of those that it takes, and of its own examples. */

import { ClosedSchemas } from "./closed-schema.ts";

interface Ref {
  readonly $ref: string;
}

interface Message {
  readonly name: string;
  readonly title: string;
  readonly payload: Ref;
  readonly examples: readonly { readonly name: string; readonly payload: unknown }[];
}

interface Query {
  readonly query: {
    readonly properties: Readonly<
      Record<string, { readonly default?: unknown; readonly examples?: unknown[] }>
    >;
  };
}

export interface Channel {
  readonly address: string;
  readonly servers: readonly Ref[];
  readonly messages: Readonly<Record<string, Ref>>;
  readonly bindings?: { readonly ws: Query };
  readonly "x-close-codes"?: readonly { readonly code: number }[];
  readonly "x-subprotocols"?: readonly string[];
  readonly "x-scopes": readonly string[];
}

export interface Operation {
  readonly action: "send" | "receive";
  readonly channel: Ref;
  readonly messages: readonly Ref[];
  readonly reply?: { readonly messages: readonly Ref[] };
  readonly bindings?: { readonly http: Query };
}

export interface AsyncApi {
  readonly asyncapi: string;
  readonly info: { readonly version: string; readonly description: string };
  readonly channels: Readonly<Record<string, Channel>>;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly components: {
    readonly messages: Readonly<Record<string, Message>>;
    readonly schemas: Readonly<
      Record<string, { readonly properties?: { readonly type?: { readonly const?: string } } }>
    >;
  };
}

/** Which frames are meant, as the node sees it. */
export type Direction = "sent" | "received";

/** What a client sees of a connection that was cut, and of one that it closed itself without a code. */
const NO_CODE = [1005, 1006];

export class AsyncApiJudge {
  readonly document: AsyncApi;
  readonly #schemas: ClosedSchemas;
  /** Names of models, by channel and type of the frame. */
  readonly #sent: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #codes: ReadonlyMap<string, ReadonlySet<number>>;

  constructor(text: string) {
    this.document = JSON.parse(text) as AsyncApi;
    const { channels: described, operations, components } = this.document;
    this.#schemas = new ClosedSchemas({ channels: described, operations, components });
    const channels = Object.entries(described);
    this.#sent = new Map(
      channels.map(([name, { address }]) => [
        address,
        new Map(this.models(name, "sent").map((model) => [this.#typeOf(model), model])),
      ]),
    );
    this.#codes = new Map(
      channels.map(([, channel]) => [
        channel.address,
        new Set([...NO_CODE, ...(channel["x-close-codes"] ?? []).map(({ code }) => code)]),
      ]),
    );
  }

  /** The names of the models of all frames in one direction. */
  models(channel: string, direction: Direction): string[] {
    return this.messages(channel, direction).map(({ payload }) => nameOf(payload));
  }

  messages(channel: string, direction: Direction): Message[] {
    const operations = Object.values(this.document.operations).filter((at) => nameOf(at.channel) === channel);
    const refs = operations.flatMap(({ action, messages, reply }) => {
      const isAsked = (action === "send") === (direction === "sent");
      const answers = direction === "sent" ? (reply?.messages ?? []) : [];
      return [...(isAsked ? messages : []), ...answers];
    });
    return [...new Set(refs.map(nameOf))].map((name) => this.document.components.messages[name]!);
  }

  /** The parameters of a channel, by their names: of a socket in its own binding, of a stream in its operation's. */
  queryOf(channel: string): Query["query"]["properties"] {
    const { channels, operations } = this.document;
    const operation = Object.values(operations).find((at) => nameOf(at.channel) === channel);
    const binding = channels[channel]?.bindings?.ws ?? operation?.bindings?.http;
    return binding?.query.properties ?? {};
  }

  /** What is wrong with a value, by a model. */
  faults(model: string, value: unknown): string[] {
    return this.#schemas.faults(["components", "schemas", model], value);
  }

  /** What is wrong with a value, by the schema at this place. */
  faultsAt(place: readonly string[], value: unknown): string[] {
    return this.#schemas.faults(place, value);
  }

  /** What is wrong with a frame that came from the node. @param address the channel's. */
  faultsOfFrame(address: string, text: string): string[] {
    const models = this.#sent.get(address);
    if (models === undefined) return [`${address} is no channel of the document: ${text}`];
    const frame = JSON.parse(text) as { readonly type?: unknown };
    const model = models.get(String(frame.type));
    if (model === undefined) return [`${address} sent a frame of another type: ${text}`];
    return this.faults(model, frame).map((fault) => `${address}: ${fault} in ${text}`);
  }

  faultsOfClosing(address: string, code: number): string[] {
    return this.#codes.get(address)?.has(code) ? [] : [`${address} was closed with ${code}`];
  }

  #typeOf(model: string): string {
    const type = this.document.components.schemas[model]?.properties?.type?.const;
    if (type === undefined) throw new Error(`Expected frames of the model ${model} to have a type`);
    return type;
  }
}

export function nameOf({ $ref }: Ref): string {
  return $ref.split("/").at(-1)!;
}
