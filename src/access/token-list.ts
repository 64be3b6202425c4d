/** Tokens of our own: who brings one, judged by the file of the tokens as the command line last left it. */

import { timingSafeEqual } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { refuse } from "../problem.ts";
import type { Authenticator } from "./authenticator.ts";
import { fileFault } from "./file-fault.ts";
import { type Principal, principalOf } from "./principal.ts";
import { isOutOfDescriptors, SpareDescriptor } from "./spare-descriptor.ts";
import {
  parseTokenFile,
  type StoredToken,
  TOKEN_FILE_BYTES_MAX,
  TOO_LARGE,
  TokenFileError,
} from "./token-file.ts";
import { partsOfToken, sha256Of, TOKEN_PREFIX } from "./token-text.ts";
import type { TokenUse } from "./token-use.ts";

/** A revoked token is out within a second: so often the file is looked at. */
export const POLL_INTERVAL_MS = 250;

export interface TokenSurroundings {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Calls again and again until the returned function is called. */
  readonly every: (intervalMs: number, tick: () => void) => () => void;
  readonly log: (line: string) => void;
}

interface Entry {
  readonly token: StoredToken;
  readonly sha256: Buffer;
  readonly principal: Principal;
}

/** Compared with where there is no token of an id, so that it takes as long. */
const NO_SECRET = Buffer.alloc(32);

/** What a file is known by that nobody has touched. */
const NO_FILE = "none";

export class TokenList implements Authenticator {
  /** Called after the tokens have changed. */
  onChange: () => void = () => {};
  #entries: ReadonlyMap<string, Entry> = new Map();
  #wasThere = false;
  /** Of the file that was read last, and what was in it. */
  #mark = NO_FILE;
  #content: readonly StoredToken[] | TokenFileError = [];
  /** What is wrong with the file; told once. */
  #fault: string | undefined;
  #poll: Promise<void> | undefined;
  #stopPolling: () => void = () => {};
  /** Whoever uses up all descriptors must not stay let in by it. */
  readonly #spare = new SpareDescriptor();

  private constructor(
    private readonly path: string,
    private readonly use: TokenUse,
    private readonly surroundings: TokenSurroundings,
  ) {}

  /**
   * Reads the file, which need not be there, and looks after it until it is closed.
   * @throws TokenFileError where it is there, but cannot be used: nobody can say then who is to be let in
   */
  static async open(path: string, use: TokenUse, surroundings: TokenSurroundings): Promise<TokenList> {
    const list = new TokenList(path, use, surroundings);
    try {
      await list.#look();
    } catch (error) {
      list.close();
      throw error;
    }
    list.#stopPolling = surroundings.every(POLL_INTERVAL_MS, () => void list.poll());
    return list;
  }

  /** Whoever had a token file once does not mean to let everybody in. */
  get isConfigured(): boolean {
    return this.#wasThere;
  }

  authenticate(credential: string): Principal | undefined {
    if (!credential.startsWith(TOKEN_PREFIX)) return undefined;
    const parts = partsOfToken(credential);
    const entry = parts === undefined ? undefined : this.#entries.get(parts.id);
    const isRight = timingSafeEqual(sha256Of(parts?.secret ?? ""), entry?.sha256 ?? NO_SECRET);
    if (entry === undefined || !isRight) refuse("unauthorized", "The token is not accepted.");
    const now = this.surroundings.now();
    if (entry.token.expires <= now) refuse("unauthorized", "The token has expired.");
    this.use.note(entry.token.id, now);
    return entry.principal;
  }

  /** Looks whether the file has changed. Never rejects; on a disk that hangs the next look waits for this one. */
  poll(): Promise<void> {
    this.#poll ??= this.#look()
      .then(
        () => this.#tell(undefined),
        (error: Error) => this.#tell(error.message),
      )
      .finally(() => {
        this.#poll = undefined;
      });
    return this.#poll;
  }

  close(): void {
    this.#stopPolling();
    this.#spare.close();
  }

  /** @throws TokenFileError */
  async #look(): Promise<void> {
    const { mark, size } = await this.#markOfFile();
    if (mark !== this.#mark) {
      if (mark !== NO_FILE) this.#wasThere = true;
      const text = mark === NO_FILE ? undefined : await this.#read(size);
      if (mark === NO_FILE)
        this.surroundings.log("the token file is gone: nobody is let in by a token until it is back");
      // From here on only another file can be better; what failed before is tried again.
      this.#mark = mark;
      this.#content = this.#parse(text);
      if (!(this.#content instanceof TokenFileError)) this.#take(this.#content);
    }
    if (this.#content instanceof TokenFileError) throw this.#content;
  }

  #parse(text: string | undefined): readonly StoredToken[] | TokenFileError {
    try {
      return text === undefined ? [] : parseTokenFile(this.path, text);
    } catch (error) {
      if (error instanceof TokenFileError) return error;
      throw error;
    }
  }

  async #markOfFile(): Promise<{ mark: string; size: number }> {
    try {
      const found = await stat(this.path, { bigint: true });
      const { ino, size, mtimeNs, ctimeNs } = found;
      // Whoever reads a pipe may wait for ever.
      if (!found.isFile()) throw new Error("it is no file");
      return { mark: `${ino} ${size} ${mtimeNs} ${ctimeNs}`, size: Number(size) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return { mark: NO_FILE, size: 0 };
      // Looking at a file takes no right to the file itself.
      throw new TokenFileError(
        this.path,
        fileFault(this.path, error, () => false),
      );
    }
  }

  async #read(size: number): Promise<string> {
    if (size > TOKEN_FILE_BYTES_MAX) throw new TokenFileError(this.path, TOO_LARGE);
    try {
      this.#spare.keep();
      return await readFile(this.path, "utf8").catch((error: unknown) => {
        if (isOutOfDescriptors(error)) return this.#spare.read(this.path);
        throw error;
      });
    } catch (error) {
      throw new TokenFileError(
        this.path,
        fileFault(this.path, error, () => true),
      );
    }
  }

  #take(tokens: readonly StoredToken[]): void {
    const before = this.#entries;
    const known = (token: StoredToken): Entry | undefined => {
      const entry = before.get(token.id);
      return entry !== undefined && Bun.deepEquals(entry.token, token) ? entry : undefined;
    };
    this.#entries = new Map(tokens.map((token) => [token.id, known(token) ?? this.#entryOf(token)]));
    this.use.keep((id) => this.#entries.has(id));
    this.onChange();
  }

  #entryOf(token: StoredToken): Entry {
    const { id, name, scopes, topics, expires } = token;
    const isRevoked = (): boolean => this.#entries.get(id)?.principal !== principal;
    const principal = principalOf({
      subject: `token:${name}`,
      identity: `token:${id}`,
      scopes,
      topics,
      expiresAt: expires,
      isRevoked,
    });
    return { token, sha256: Buffer.from(token.sha256, "hex"), principal };
  }

  #tell(fault: string | undefined): void {
    if (fault === this.#fault) return;
    const { log } = this.surroundings;
    if (fault !== undefined) log(`${fault} Those who were let in before still are, and nobody else.`);
    else log("the token file can be used again");
    this.#fault = fault;
  }
}
