/** JSON Web Tokens for tests, and a node that takes them. */

import { SignJWT } from "jose";

const ISSUER = "https://issuer.example";
const AUDIENCE = "onefold";
const SECRET = "a secret of the tests, which has 32 bytes and more";

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
}: WebTokenClaims = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ scope, topics })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt(now - 3_600)
    .setExpirationTime(now + seconds)
    .sign(new TextEncoder().encode(secret));
}
