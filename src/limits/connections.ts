/**
 * Who is being served: open WebSockets and requests in flight, in all and by address. A holder is the request or the
 * socket itself.
 *
 * To ask for an address costs more than all the rest of an admission. While there are fewer holders in all than one
 * address may have, none can have too many; so it is asked for only from there on.
 */

import { type Problem, problem } from "../problem.ts";

export interface ConnectionsOptions {
  readonly max: number;
  readonly maxPerAddress: number;
  /** The name that a request counts under. */
  readonly addressOf: (request: Request) => string;
}

export class Connections {
  /** Refusals since the start. */
  refused = 0;
  readonly #max: number;
  readonly #maxPerAddress: number;
  readonly #addressOf: (request: Request) => string;
  readonly #unnamed = new Set<Request>();
  readonly #named = new Map<object, string>();
  readonly #byAddress = new Map<string, number>();

  constructor({ max, maxPerAddress, addressOf }: ConnectionsOptions) {
    this.#max = max;
    this.#maxPerAddress = maxPerAddress;
    this.#addressOf = addressOf;
  }

  /** How many there are now. */
  get open(): number {
    return this.#unnamed.size + this.#named.size;
  }

  /** Addresses that are known of them. */
  get addresses(): number {
    return this.#byAddress.size;
  }

  /**
   * Takes a place for a request; `leave` gives it back.
   * @param known its address, where it will become a socket: once it is one, nothing tells where the request came from.
   * @returns why there is none.
   */
  enter(request: Request, known?: string): Problem | undefined {
    const { open } = this;
    if (open >= this.#max) return this.#refuse(`The node serves ${this.#max} connections at one time.`);
    if (open < this.#maxPerAddress) {
      if (known === undefined) this.#unnamed.add(request);
      else this.#name(request, known);
      return undefined;
    }
    for (const unnamed of this.#unnamed) this.#name(unnamed, this.#addressOf(unnamed));
    this.#unnamed.clear();
    const address = known ?? this.#addressOf(request);
    if ((this.#byAddress.get(address) ?? 0) >= this.#maxPerAddress)
      return this.#refuse(`The node serves ${this.#maxPerAddress} connections of one address at one time.`);
    this.#name(request, address);
    return undefined;
  }

  /** The request became a socket, which has its place from now on. */
  upgrade(request: Request, socket: object): void {
    const address = this.#named.get(request);
    if (address === undefined) throw new Error("a request became a socket without an address");
    this.leave(request);
    this.#name(socket, address);
  }

  /** Nothing happens where the holder has no place, or has given it back. */
  leave(holder: object): void {
    if (this.#unnamed.delete(holder as Request)) return;
    const address = this.#named.get(holder);
    if (address === undefined) return;
    this.#named.delete(holder);
    const left = this.#byAddress.get(address)! - 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }

  #name(holder: object, address: string): void {
    this.#named.set(holder, address);
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
  }

  #refuse(detail: string): Problem {
    this.refused++;
    return problem("too_many_connections", detail);
  }
}
