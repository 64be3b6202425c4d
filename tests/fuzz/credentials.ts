/** Credentials as an attacker sends them, and the one that the node under test accepts, if it asks for any. */

import type { Random } from "../simulation/random.ts";

/** Stands in every made-up token, so that any answer that repeats one is found out. */
export const PLANTED_SECRET = "pl4nted-s3cret";

/** The node's own, for runs against one that asks for credentials; without it none is needed. */
export interface Credentials {
  readonly token: string | undefined;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64url");

function jwt(header: unknown, claims: unknown, signature: string): string {
  return `${base64(JSON.stringify(header))}.${base64(JSON.stringify(claims))}.${signature}`;
}

const CLAIMS = [
  { sub: PLANTED_SECRET, scope: "admin publish subscribe", topics: ["*"] },
  { sub: "__proto__", scope: ["admin"], exp: 1e300, nbf: -1, aud: { toString: 1 }, secret: PLANTED_SECRET },
  { exp: 0, secret: PLANTED_SECRET },
  JSON.parse(
    `{"__proto__":{"scope":"admin"},"constructor":{"scope":"admin"},"secret":"${PLANTED_SECRET}"}`,
  ) as unknown,
  [PLANTED_SECRET],
];

const HEADERS = [
  { alg: "none" },
  { alg: "None", typ: "JWT" },
  { alg: "HS256", kid: "../../etc/passwd" },
  { alg: "HS256", jku: "http://127.0.0.1:1/keys", x5u: "file:///etc/passwd" },
  { alg: "RS256", jwk: { kty: "oct", k: "AA" } },
  { alg: "ES256", crit: ["__proto__"] },
  { alg: ["none"], typ: { a: 1 } },
  null,
];

const ODD_TOKENS = [
  PLANTED_SECRET,
  `${PLANTED_SECRET}.`,
  `..${PLANTED_SECRET}`,
  `a.b.c.d.${PLANTED_SECRET}`,
  `${PLANTED_SECRET}${"=".repeat(200)}`,
  `${PLANTED_SECRET}\u00ff\u00fe`,
  `onefold_${PLANTED_SECRET}`,
  `${PLANTED_SECRET}${"A".repeat(4_000)}`,
  `__proto__.constructor.${PLANTED_SECRET}`,
];

/** A token that no node accepts. */
export function hostileToken(random: Random): string {
  if (random.chance(0.5)) return random.pick(ODD_TOKENS);
  const signature = random.pick(["", "AAAA", PLANTED_SECRET, "=".repeat(8), "\u00e9", "A".repeat(1_000)]);
  return jwt(random.pick(HEADERS), random.pick(CLAIMS), signature);
}

const SCHEMES = [
  "Bearer",
  "bearer",
  "BEARER",
  "Basic",
  "Digest",
  "Negotiate",
  "",
  "Bearer Bearer",
  "__proto__",
];

/** Header lines that claim something, each with its line end; none, one, or several that contradict each other. */
export function hostileAuthorization(random: Random): string {
  const line = (): string =>
    `${random.pick(["authorization", "Authorization", "proxy-authorization", "cookie"])}: ${random.pick(SCHEMES)}${random.pick([" ", "  ", "", "\t"])}${hostileToken(random)}\r\n`;
  return Array.from({ length: random.between(1, 2) }, line).join("");
}

/** The line that the node accepts, where it asks for one. */
export function validAuthorization({ token }: Credentials): string {
  return token === undefined ? "" : `authorization: Bearer ${token}\r\n`;
}

export function hostileParameter(random: Random): string {
  const name = random.pick(["access_token", "access%5ftoken", "Access_Token", "access_token[]"]);
  return `${name}=${encodeURIComponent(hostileToken(random))}`;
}

/** Offers of subprotocols, among them tokens; the first that there is must be selected. */
export function hostileSubprotocols(random: Random): {
  readonly line: string;
  readonly offers: readonly string[];
} {
  const all = [
    "onefold.v1",
    `bearer.${hostileToken(random)}`,
    "bearer.",
    "",
    "cloudevents.avro",
    "__proto__",
  ];
  const offers = random.some(all, random.between(1, 4)).map((offer) => offer.replaceAll(/[^\x21-\x7e]/g, ""));
  return { line: `sec-websocket-protocol: ${offers.join(random.pick([", ", ",", " , "]))}\r\n`, offers };
}
