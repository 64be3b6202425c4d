/** What a request brings to be let in with: a header, or for browsers and webhooks a parameter or a subprotocol. */

import { ACCESS_TOKEN_PARAMETER } from "./query.ts";

/** A subprotocol with this prefix carries a token; it is never selected, and so never echoed. */
const SUBPROTOCOL_PREFIX = "bearer.";

const SCHEME = /^bearer +/i;

/** What a header under another scheme brings: nothing accepts it. */
const OF_ANOTHER_SCHEME = "";

/** Every credential once. */
export function credentialsOf({ headers, url }: Request): readonly string[] {
  const header = headers.get("authorization");
  const subprotocols = headers.get("sec-websocket-protocol");
  // A name in a URL may be written in many ways, so that only parsing it tells.
  const isInUrl = url.includes("?");
  if (header === null && subprotocols === null && !isInUrl) return [];
  const found = new Set<string>();
  if (header !== null) found.add(SCHEME.test(header) ? header.replace(SCHEME, "").trim() : OF_ANOTHER_SCHEME);
  for (const offered of subprotocols?.split(",") ?? []) {
    const name = offered.trim();
    if (name.startsWith(SUBPROTOCOL_PREFIX)) found.add(name.slice(SUBPROTOCOL_PREFIX.length));
  }
  const query = new URLSearchParams(isInUrl ? url.slice(url.indexOf("?") + 1) : "");
  for (const token of query.getAll(ACCESS_TOKEN_PARAMETER)) found.add(token);
  return [...found];
}
