/** A node that takes JSON Web Tokens, and tokens for it as of now. */

import { AUDIENCE, claims, ISSUER, jwt, SECRET, withSecret } from "./jwt-issuer.ts";

/** What a node is started with that takes these tokens and no others. */
export const WEB_TOKEN_NODE = {
  flags: ["--jwt-algorithm", "HS256", "--jwt-issuer", ISSUER, "--jwt-audience", AUDIENCE],
  env: { ONEFOLD_JWT_KEY: SECRET },
};

export interface WebTokenClaims {
  readonly scope?: string;
  readonly topics?: readonly string[];
  /** Seconds from now until it expires; less than 0 for one that has. */
  readonly seconds?: number;
  readonly subject?: string;
  readonly secret?: string;
}

export function webToken({
  scope = "publish subscribe",
  topics = ["*"],
  seconds = 600,
  subject = "tester",
  secret = SECRET,
}: WebTokenClaims = {}): string {
  const exp = Math.floor(Date.now() / 1_000) + seconds;
  return jwt({ alg: "HS256" }, claims({ exp, scope, topics, sub: subject }), withSecret(secret));
}
