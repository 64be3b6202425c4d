/** Requests as bytes: their head, the credentials that they bring, and a body with its length or in chunks. */

import type { Random } from "../simulation/random.ts";
import { type Credentials, hostileAuthorization, validAuthorization } from "./credentials.ts";

export interface Authorization {
  readonly lines: string;
  /** Whether the node lets it in. */
  readonly isValid: boolean;
}

export class RequestBytes {
  constructor(
    private readonly random: Random,
    private readonly credentials: Credentials,
  ) {}

  /** Where the node asks for credentials most requests have them. */
  authorization(): Authorization {
    const { random } = this;
    const isValid = random.chance(0.85);
    if (isValid) return { lines: this.valid, isValid };
    const lines = random.chance(0.7) ? hostileAuthorization(random) : "";
    return { lines: `${lines}${random.chance(0.2) ? this.valid : ""}`, isValid };
  }

  /** The line that lets a request in. */
  get valid(): string {
    return validAuthorization(this.credentials);
  }

  /** @param headers lines with their ends. */
  request(method: string, target: string, headers: readonly string[], body?: Buffer): Buffer {
    const head = `${method} ${target} HTTP/1.1\r\nhost: localhost\r\n${this.#inAnyOrder(headers)}`;
    if (body === undefined) return Buffer.from(`${head}\r\n`, "latin1");
    if (this.random.chance(0.9))
      return Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`, "latin1"), body]);
    return Buffer.concat([
      Buffer.from(`${head}transfer-encoding: chunked\r\n\r\n`, "latin1"),
      ...chunks(this.random, body),
    ]);
  }

  #inAnyOrder(headers: readonly string[]): string {
    return this.random.some(headers, headers.length).join("");
  }
}

function chunks(random: Random, body: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const part = body.subarray(at, at + random.between(1, body.length));
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
    at += part.length;
  }
  return [...parts, Buffer.from("0\r\n\r\n")];
}
