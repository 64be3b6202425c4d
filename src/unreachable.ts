/** Why a node gave no answer, or refused to: one sentence for whoever ran a command against it. */

const UNKNOWN_CA = [
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
];

/** @param where the node's address, with its scheme. @param error what `fetch` threw. */
export function unreachable(where: string, error: unknown): string {
  const code = (error as { code?: string }).code ?? (error instanceof Error ? error.message : String(error));
  if (UNKNOWN_CA.includes(code)) {
    return `The certificate of ${where} is not signed by a CA that is trusted here (${code}): NODE_EXTRA_CA_CERTS names the file of another.`;
  }
  switch (code) {
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `The certificate of ${where} is made out to another name.`;
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return `The certificate of ${where} is not valid at this time (${code}).`;
    case "EPROTO":
      return `No TLS connection to ${where} came about: it asks for a client certificate, which this command has none of, or it does not speak TLS.`;
    case "ECONNRESET":
      return where.startsWith("http:")
        ? `${where} closed the connection without an answer: if it serves TLS, its address begins with https.`
        : `${where} closed the connection without an answer (${code}).`;
    default:
      return `No node can be reached at ${where} (${code}): is it running, and is that its address?`;
  }
}

/** What a problem document tells of a refusal, as far as it is one. */
interface Told {
  readonly code?: unknown;
  readonly detail?: unknown;
}

/**
 * In the node's own words, and where its credentials are the reason, with what to do about it.
 * @param what was asked. @param body of the answer, parsed. @param topicsHint what helps where topics are not allowed.
 */
export function refused(what: string, status: number, body: unknown, topicsHint = ""): string {
  const { code, detail } = (typeof body === "object" && body !== null ? body : {}) as Told;
  const name = typeof code === "string" ? `${status} ${code}` : `${status}`;
  if (typeof detail !== "string") return `The node refused ${what} with ${name}.`;
  const hints = status === 401 ? " ONEFOLD_TOKEN or --token-file brings a token." : "";
  const topics = code === "forbidden_topic" ? topicsHint : "";
  return `The node refused ${what} with ${name}: ${detail}${hints}${topics}`;
}

/** @returns undefined where it is no JSON. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
