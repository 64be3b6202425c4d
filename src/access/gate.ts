/** Who is let in: checks what somebody brings, and decides what may be done by somebody who brings nothing. */

import { refuse } from "../problem.ts";
import type { Authenticator } from "./authenticator.ts";
import { anonymous, type Principal, SCOPES, type Scope } from "./principal.ts";

export interface GateOptions {
  readonly authenticators: readonly Authenticator[];
  /** What is allowed without credentials; nothing said is nothing once credentials are configured, and all before. */
  readonly anonymousScopes: readonly Scope[];
}

export const CREDENTIALS_REQUIRED = "Credentials are required here.";

export class Gate {
  readonly #authenticators: readonly Authenticator[];
  /** Who comes without credentials, where that was allowed in so many words. */
  readonly #allowed: Principal | undefined;
  /** Who comes without credentials while there are none that could be asked for. */
  readonly #anybody = anonymous(SCOPES, () => !this.isOpen);

  constructor({ authenticators, anonymousScopes }: GateOptions) {
    this.#authenticators = authenticators;
    this.#allowed = anonymousScopes.length === 0 ? undefined : anonymous(anonymousScopes);
  }

  /** Whether everybody may do everything: nothing was configured that says otherwise. */
  get isOpen(): boolean {
    return this.#allowed === undefined && !this.#hasCredentials;
  }

  /** Whether somebody without credentials may do anything at all. */
  get letsAnonymousIn(): boolean {
    return this.#allowed !== undefined || this.isOpen;
  }

  /** Who is let in, in words for whoever runs the node. */
  get description(): string {
    if (this.isOpen) return "open to this machine";
    const scopes = Object.keys(this.#allowed?.grants ?? {});
    if (scopes.length > 0) return `open to everybody for ${scopes.join(" and ")}`;
    return "credentials required";
  }

  get #hasCredentials(): boolean {
    return this.#authenticators.some(({ isConfigured }) => isConfigured);
  }

  /**
   * @param credentials what was brought, each once.
   * @throws ProblemError `unauthorized`; may also reject with it.
   */
  identify(credentials: readonly string[]): Principal | Promise<Principal> {
    if (!this.#hasCredentials) return this.#allowed ?? this.#anybody;
    const [credential, another] = credentials;
    if (credential === undefined) {
      return this.#allowed ?? refuse("unauthorized", CREDENTIALS_REQUIRED);
    }
    if (another !== undefined) refuse("unauthorized", "Several different credentials were given; give one.");
    for (const authenticator of this.#authenticators) {
      const principal = authenticator.authenticate(credential);
      if (principal !== undefined) return principal;
    }
    return refuse("unauthorized", "The credentials are not accepted.");
  }
}

/** Addresses that only this machine reaches. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * What is wrong with listening on an address: nobody is to be let in from elsewhere because nothing was configured.
 * @returns a sentence that names the ways out, or undefined.
 */
export function faultOfExposure(host: string, gate: Gate): string | undefined {
  if (isLoopback(host) || !gate.isOpen) return undefined;
  return `Listening on ${host} would let anybody do anything, since no credentials are configured. Make a token with \`onefold token create\`, or allow it in so many words with \`--allow-anonymous publish,subscribe\`.`;
}
