/** One kind of credential: tokens of our own, or JSON Web Tokens of somebody else. */

import type { Principal } from "./principal.ts";

export interface Authenticator {
  /** Whether credentials of this kind are configured: then nobody is let in without any by default. */
  readonly isConfigured: boolean;
  /**
   * Checks what somebody brings.
   * @returns undefined where the text has not the form of this kind of credential.
   * @throws ProblemError `unauthorized`, without a word of the credential in it; may also reject with it.
   */
  authenticate(credential: string): Principal | Promise<Principal> | undefined;
}
