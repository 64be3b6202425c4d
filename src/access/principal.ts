/** Somebody whose credentials have been checked, or anybody at all: who it is, and what it may do. */

import { ALL_TOPICS } from "../events/topic-pattern.ts";
import type { Grant } from "./grant.ts";

/** `subscribe` is everything that reads events, statistics and topics; `admin` is what concerns the node as a whole. */
export const SCOPES = ["publish", "subscribe", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** Made once for a token and kept: publishes of one principal share one grant object. */
export interface Principal {
  /** Who: for logs, metrics and limits, never a credential. */
  readonly subject: string;
  /** The same exactly: nobody else's is equal, where two subjects may be cut off to the same text. */
  readonly identity: string;
  /** By scope; one that is not there is not granted. */
  readonly grants: Readonly<Partial<Record<Scope, Grant>>>;
  /** Milliseconds since 1970; `Infinity` for ever. */
  readonly expiresAt: number;
  /** Whether the credentials have been taken back since. */
  isRevoked(): boolean;
}

export function principalOf({
  subject,
  identity = subject,
  scopes,
  topics,
  expiresAt = Number.POSITIVE_INFINITY,
  isRevoked = () => false,
}: {
  readonly subject: string;
  readonly identity?: string;
  readonly scopes: readonly Scope[];
  readonly topics: readonly string[];
  readonly expiresAt?: number;
  readonly isRevoked?: () => boolean;
}): Principal {
  const grant: Grant = { subject, topics };
  const grants = Object.fromEntries(scopes.map((scope) => [scope, grant]));
  return { subject, identity, grants, expiresAt, isRevoked };
}

const ANONYMOUS = "anonymous";

/** Whoever brings no credentials, where that is allowed. @param isRevoked whether it is no more. */
export function anonymous(scopes: readonly Scope[], isRevoked?: () => boolean): Principal {
  return principalOf({ subject: ANONYMOUS, scopes, topics: [ALL_TOPICS], ...(isRevoked && { isRevoked }) });
}

export function isAnonymous({ subject }: Principal): boolean {
  return subject === ANONYMOUS;
}
