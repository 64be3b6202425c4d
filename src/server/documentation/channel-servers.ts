/** Where the channels of a node are, and by which credentials: what the AsyncAPI document says beside the channels. */

import { TOKEN_DESCRIPTION } from "./access.ts";

export const CHANNEL_SECURITY_SCHEMES = {
  token: { type: "http", scheme: "bearer", description: TOKEN_DESCRIPTION },
  access_token: {
    type: "httpApiKey",
    in: "query",
    name: "access_token",
    description: "The same as a parameter of the address, for browsers.",
  },
  subprotocol: {
    type: "httpApiKey",
    in: "header",
    name: "Sec-WebSocket-Protocol",
    description: "The same as the subprotocol `bearer.<token>`, which is never selected.",
  },
} as const;

const SERVERS = {
  sockets: {
    protocols: { plain: "ws", tls: "wss" },
    title: "WebSockets",
    description: "The sockets of this node.",
    schemes: ["token", "access_token", "subprotocol"],
  },
  streams: {
    protocols: { plain: "http", tls: "https" },
    title: "Streams",
    description: "The server-sent events of this node.",
    schemes: ["token", "access_token"],
  },
} as const;

export type ServerName = keyof typeof SERVERS;

/** Unlike OpenAPI, a server has no address relative to the document: its host is a variable. */
export function channelServer(name: ServerName, isTls: boolean) {
  const { protocols, title, description, schemes } = SERVERS[name];
  return {
    host: "{host}",
    protocol: isTls ? protocols.tls : protocols.plain,
    title,
    description,
    variables: {
      host: { default: "localhost:8080", description: "Where this document was found." },
    },
    security: schemes.map((scheme) => ({ $ref: `#/components/securitySchemes/${scheme}` })),
  };
}
