/** All that decides who is let in, opened together: the tokens, JSON Web Tokens, and the gate that asks both. */

import { join } from "node:path";
import type { Authenticator } from "./authenticator.ts";
import { Gate } from "./gate.ts";
import { JwtAuthenticator, type JwtSettings } from "./jwt.ts";
import type { Scope } from "./principal.ts";
import { TOKEN_FILE } from "./token-file.ts";
import { TokenList } from "./token-list.ts";
import { TOKEN_USE_FILE, TokenUse } from "./token-use.ts";

/** How often it is asked whether the keys of JSON Web Tokens have become old. */
const KEYS_LOOKED_AFTER_MS = 60_000;

export interface AccessSettings {
  /** The data folder. */
  readonly folder: string;
  readonly anonymousScopes: readonly Scope[];
  /** Undefined where no JSON Web Tokens are taken. */
  readonly jwt: JwtSettings | undefined;
}

export interface AccessSurroundings {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds on a clock that is never set. */
  readonly elapsed: () => number;
  /** Calls again and again until the returned function is called. */
  readonly every: (intervalMs: number, tick: () => void) => () => void;
  readonly log: (line: string) => void;
}

export class Access {
  private constructor(
    readonly gate: Gate,
    private readonly tokens: TokenList,
    private readonly use: TokenUse,
    private readonly jwt: JwtAuthenticator | undefined,
  ) {}

  /** @throws Error with one sentence where tokens or keys are there, but cannot be used */
  static async open(
    { folder, anonymousScopes, jwt: settings }: AccessSettings,
    surroundings: AccessSurroundings,
  ): Promise<Access> {
    const use = await TokenUse.open(join(folder, TOKEN_USE_FILE), surroundings);
    const tokens = await TokenList.open(join(folder, TOKEN_FILE), use, surroundings);
    const jwt = settings === undefined ? undefined : await JwtAuthenticator.open(settings, surroundings);
    if (jwt !== undefined) surroundings.every(KEYS_LOOKED_AFTER_MS, () => void jwt.refreshKeys());
    const authenticators: Authenticator[] = jwt === undefined ? [tokens] : [tokens, jwt];
    const gate = new Gate({ authenticators, anonymousScopes });
    let wasOpen = gate.isOpen;
    tokens.onChange = () => {
      if (wasOpen && !gate.isOpen)
        surroundings.log("there are tokens now: from here on credentials are required");
      wasOpen = gate.isOpen;
    };
    return new Access(gate, tokens, use, jwt);
  }

  /** Reads tokens and keys again. @throws Error with one sentence; then those that were known go on. */
  async reload(): Promise<void> {
    await this.tokens.poll();
    await this.jwt?.reload();
  }

  /** Writes down what is left to write. On a disk that hangs it never ends. */
  close(): Promise<void> {
    this.tokens.close();
    return this.use.close();
  }
}
