/** Under which name the limits by address count somebody: the address it connects from, or what a trusted proxy says. */

import { BlockList, isIP } from "node:net";

/** Peers of a Unix socket have no address: they are one, unless they are trusted proxies. */
export const UNIX_PEER = "unix";

/** Proxies that one request may have come through; what stands further left was not written by one of ours. */
const PROXIES_MAX = 32;

/** What is wrong with an item of the list of trusted proxies, or undefined. */
export function faultOfProxy(item: string): string | undefined {
  if (item === UNIX_PEER) return undefined;
  return networkOf(item) === undefined
    ? "is no network; one is written like `10.0.0.0/8`, an address, or `unix`"
    : undefined;
}

export class ClientAddresses {
  readonly #proxies = new BlockList();
  readonly #trustsAny: boolean;
  readonly #trustsUnix: boolean;

  constructor(trustedProxies: readonly string[]) {
    this.#trustsAny = trustedProxies.length > 0;
    this.#trustsUnix = trustedProxies.includes(UNIX_PEER);
    for (const item of trustedProxies) {
      const network = networkOf(item);
      if (network !== undefined) this.#proxies.addSubnet(network.address, network.prefix, network.family);
    }
  }

  /**
   * `X-Forwarded-For` is believed only of trusted proxies, and of it the rightmost address that is none of them: what
   * stands further left anybody may have written. A header that is malformed says nothing.
   * @param peer the address that the connection comes from; undefined for a Unix socket.
   */
  nameOf(peer: string | undefined, { headers }: Pick<Request, "headers">): string {
    const own = peer === undefined ? undefined : plainAddress(peer);
    if (!this.#trustsAny || !this.#isTrusted(own)) return countedAs(own);
    const forwarded = headers.get("x-forwarded-for");
    return countedAs(forwarded === null ? own : (this.#clientOf(forwarded) ?? own));
  }

  #isTrusted(address: string | undefined): boolean {
    if (address === undefined) return this.#trustsUnix;
    return this.#proxies.check(address, address.includes(":") ? "ipv6" : "ipv4");
  }

  #clientOf(forwarded: string): string | undefined {
    let end = forwarded.length;
    let client: string | undefined;
    for (let hops = 0; end > 0 && hops < PROXIES_MAX; hops++) {
      const comma = forwarded.lastIndexOf(",", end - 1);
      const address = forwardedAddress(forwarded.slice(comma + 1, end).trim());
      if (address === undefined) return undefined;
      client = address;
      if (!this.#isTrusted(address)) break;
      end = comma;
    }
    return client;
  }
}

interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

function networkOf(item: string): Network | undefined {
  const [, address = "", prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(item) ?? [];
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return undefined;
  const bits = version === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  return length > bits ? undefined : { address, prefix: length, family: version === 4 ? "ipv4" : "ipv6" };
}

/** Some proxies write the port as well. */
function forwardedAddress(item: string): string | undefined {
  const address = item.replace(/^\[([^\]]*)\](?::\d{1,5})?$/, "$1").replace(/^([\d.]+):\d{1,5}$/, "$1");
  return isIP(address) === 0 ? undefined : plainAddress(address);
}

/** An IPv4 address that came over an IPv6 socket is what it was. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, "");
}

/** Whoever has one IPv6 address has the 2^64 of its network as well. */
function countedAs(address: string | undefined): string {
  if (address === undefined) return UNIX_PEER;
  return address.includes(":") ? `${ipv6Groups(address).slice(0, 4).join(":")}::/64` : address;
}

/** The eight groups, as short as they can be written. */
function ipv6Groups(address: string): string[] {
  const host = URL.parse(`http://[${address.replace(/%.*/, "")}]`)?.hostname.slice(1, -1) ?? address;
  const [left = "", right] = host.split("::");
  const before = left === "" ? [] : left.split(":");
  const after = right === undefined || right === "" ? [] : right.split(":");
  return [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0"), ...after];
}
