/** The settings that decide who is let in, and how what is sent is kept from others. */

import { JWT_ALGORITHMS } from "../access/jwt-algorithms.ts";
import { faultOfOrigin } from "../access/origin.ts";
import { SCOPES } from "../access/principal.ts";
import { faultOfProxy } from "../limits/client-address.ts";
import type { Setting } from "./setting.ts";

/** The token that the commands bring which talk to a node: a variable and never a flag, which process lists show. */
export const TOKEN_VARIABLE = "ONEFOLD_TOKEN";

/** The key that JSON Web Tokens are checked with, itself: for the same reason. */
export const JWT_KEY_VARIABLE = "ONEFOLD_JWT_KEY";

/** Variables that are no settings. */
export const SECRET_VARIABLES: readonly string[] = [TOKEN_VARIABLE, JWT_KEY_VARIABLE];

export const TLS_SETTINGS = {
  tlsCert: {
    kind: "text",
    group: "TLS",
    default: "",
    placeholder: "FILE",
    help: "Certificate in PEM form, with those between it and its CA; read again at SIGHUP.",
  },
  tlsKey: {
    kind: "text",
    group: "TLS",
    default: "",
    placeholder: "FILE",
    help: "Its private key, not encrypted.",
  },
  tlsClientCa: {
    kind: "text",
    group: "TLS",
    default: "",
    placeholder: "FILE",
    help: "Lets in only who has a certificate signed by one of these.",
  },
} as const satisfies Record<string, Setting>;

export const ACCESS_SETTINGS = {
  allowAnonymous: {
    kind: "choices",
    group: "Access",
    default: [],
    choices: SCOPES,
    help: "What may be done without credentials. Unless said, nothing as soon as there are credentials; before, all, from this machine.",
  },
  firstToken: {
    kind: "choice",
    group: "Access",
    default: "none",
    choices: ["none", "print"],
    help: "What to do at a start without any token: with print one for everything is made, and shown that once.",
  },
  allowOrigins: {
    kind: "list",
    group: "Access",
    default: [],
    placeholder: "ORIGIN",
    faultOf: faultOfOrigin,
    help: "Web pages of other origins that may use the node, like https://app.example; null is for files.",
  },
  jwtAlgorithm: {
    kind: "choice",
    group: "Access",
    default: "off",
    choices: ["off", ...JWT_ALGORITHMS],
    help: "Takes JSON Web Tokens that are signed with this algorithm, and no other.",
  },
  jwtKeyFile: {
    kind: "text",
    group: "Access",
    default: "",
    placeholder: "FILE",
    help: `Keys to check them with: PEM, JWK or JWKS, for HS256 the secret; read again on SIGHUP. Or ${JWT_KEY_VARIABLE} holds the same.`,
  },
  jwtJwks: {
    kind: "text",
    group: "Access",
    default: "",
    placeholder: "URL",
    help: "Address of a JWKS with the keys instead; https, or http on this machine.",
  },
  jwtIssuer: {
    kind: "text",
    group: "Access",
    default: "",
    placeholder: "TEXT",
    help: "What `iss` must be.",
  },
  jwtAudience: {
    kind: "text",
    group: "Access",
    default: "",
    placeholder: "TEXT",
    help: "What `aud` must be or contain.",
  },
  jwtScopeClaim: {
    kind: "text",
    group: "Access",
    default: "scope",
    placeholder: "NAME",
    help: "Claim with the scopes: text with spaces, or a list.",
  },
  jwtTopicsClaim: {
    kind: "text",
    group: "Access",
    default: "topics",
    placeholder: "NAME",
    help: "Claim with the patterns of topics: text with spaces, or a list; without it there are none.",
  },
  trustedProxies: {
    kind: "list",
    group: "Access",
    default: [],
    placeholder: "CIDR",
    faultOf: faultOfProxy,
    help: "Networks of proxies whose X-Forwarded-For is believed, for limits by address; unix for those on a Unix socket. Forwarded is not read.",
  },
} as const satisfies Record<string, Setting>;
