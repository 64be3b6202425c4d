/** The settings of JSON Web Tokens together: what must be said so that a token proves anything. */

import type { JwtSettings } from "../access/jwt.ts";
import type { JwtAlgorithm } from "../access/jwt-algorithms.ts";
import { JWT_KEY_VARIABLE } from "./access-settings.ts";
import { flagOf } from "./flags.ts";
import type { Environment } from "./parse-config.ts";
import { UsageError } from "./parse-flags.ts";
import type { Config } from "./settings.ts";

export type JwtConfig = Pick<
  Config,
  "jwtAlgorithm" | "jwtKeyFile" | "jwtJwks" | "jwtIssuer" | "jwtAudience" | "jwtScopeClaim" | "jwtTopicsClaim"
>;

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * @returns undefined where no JSON Web Tokens are taken.
 * @throws UsageError where something is missing, or is set that would not count
 */
export function jwtSettingsOf(config: JwtConfig, environment: Environment): JwtSettings | undefined {
  const { jwtAlgorithm: algorithm, jwtIssuer: issuer, jwtAudience: audience } = config;
  if (algorithm === "off") {
    refuseWithoutAlgorithm(config, environment);
    return undefined;
  }
  for (const name of ["jwtIssuer", "jwtAudience"] as const) {
    if (config[name] === "") {
      throw new UsageError(
        `JSON Web Tokens need --${flagOf(name)}: without it a token that was made for somebody else would be taken.`,
      );
    }
  }
  const { jwtScopeClaim: scopeClaim, jwtTopicsClaim: topicsClaim } = config;
  return {
    algorithm,
    issuer,
    audience,
    scopeClaim,
    topicsClaim,
    keys: keysOf(config, algorithm, environment),
  };
}

/** A setting that is passed over looks like one that protects. */
function refuseWithoutAlgorithm(config: JwtConfig, environment: Environment): void {
  const names = ["jwtKeyFile", "jwtJwks", "jwtIssuer", "jwtAudience"] as const;
  const set = names.filter((name) => config[name] !== "").map((name) => `--${flagOf(name)}`);
  if (environment[JWT_KEY_VARIABLE] !== undefined) set.push(JWT_KEY_VARIABLE);
  if (set.length > 0)
    throw new UsageError(`${set[0]} is set, but no JSON Web Tokens are taken: name --jwt-algorithm.`);
}

function keysOf(
  { jwtKeyFile: file, jwtJwks: jwks }: JwtConfig,
  algorithm: JwtAlgorithm,
  environment: Environment,
): JwtSettings["keys"] {
  const text = environment[JWT_KEY_VARIABLE];
  const ways = [file !== "", jwks !== "", text !== undefined].filter(Boolean).length;
  if (ways !== 1) {
    throw new UsageError(
      `JSON Web Tokens need one of --jwt-key-file, --jwt-jwks and ${JWT_KEY_VARIABLE}, and no other: got ${ways}.`,
    );
  }
  if (file !== "") return { file };
  if (text !== undefined) return { text, origin: JWT_KEY_VARIABLE };
  if (algorithm === "HS256")
    throw new UsageError("HS256 has a secret, which no address may give: use --jwt-key-file.");
  return { url: checkedUrl(jwks) };
}

function checkedUrl(text: string): URL {
  const url = URL.parse(text);
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.test(url.hostname));
  if (url !== null && isSafe && url.username === "" && url.password === "") return url;
  throw new UsageError(
    "Expected --jwt-jwks to be an address with https, or with http on this machine: whoever answers there decides who is let in.",
  );
}
