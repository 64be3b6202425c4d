/** Limits by address count whom they mean: what a trusted proxy says, and of what anybody else says nothing. */

import { describe, expect, test } from "bun:test";
import { ClientAddresses, faultOfProxy } from "../../../src/limits/client-address.ts";

function nameOf(peer: string | undefined, forwarded: string | undefined, ...trusted: string[]): string {
  const headers = new Headers(forwarded === undefined ? {} : { "x-forwarded-for": forwarded });
  return new ClientAddresses(trusted).nameOf(peer, { headers });
}

describe("without a trusted proxy", () => {
  test.each([
    ["192.0.2.1", undefined, "192.0.2.1"],
    ["192.0.2.1", "198.51.100.7", "192.0.2.1"],
    ["::ffff:192.0.2.1", undefined, "192.0.2.1"],
    [undefined, "198.51.100.7", "unix"],
  ])("%s with %s counts as %s", (peer, forwarded, name) => {
    expect(nameOf(peer, forwarded)).toBe(name);
    expect(nameOf(peer, forwarded, "10.0.0.0/8")).toBe(name);
  });
});

describe("of IPv6 a network of 64 bits is one", () => {
  test.each([
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002:ffff::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ])("%s counts as %s", (peer, name) => {
    expect(nameOf(peer, undefined)).toBe(name);
  });
});

describe("a trusted proxy is believed", () => {
  test.each([
    ["the rightmost that is no proxy", "198.51.100.7", "198.51.100.7"],
    ["not what the client wrote before", "203.0.113.9, 198.51.100.7", "198.51.100.7"],
    ["through several proxies", "203.0.113.9, 198.51.100.7, 10.9.9.9,10.1.1.1", "198.51.100.7"],
    ["with a port", "198.51.100.7:4711", "198.51.100.7"],
    ["of IPv6", "2001:db8::7", "2001:db8:0:0::/64"],
    ["of IPv6 with a port", "[2001:db8::7]:4711", "2001:db8:0:0::/64"],
    ["all of them proxies: the first of them", "10.3.3.3, 10.1.1.1", "10.3.3.3"],
  ])("%s", (_, forwarded, name) => {
    expect(nameOf("10.0.0.1", forwarded, "10.0.0.0/8")).toBe(name);
    expect(nameOf("::ffff:10.0.0.1", forwarded, "192.0.2.1", "10.0.0.0/8")).toBe(name);
  });
});

describe("a header that is malformed says nothing", () => {
  test.each([
    [""],
    ["unknown"],
    ["198.51.100.7, "],
    ["198.51.100.7, nonsense"],
    [",".repeat(10_000)],
    ["1.2.3"],
    ["0x7f.1"],
    ["1.2.3.4.5"],
    ["198.51.100.7; 10.0.0.1"],
    ["[::1"],
  ])("%j", (forwarded) => {
    expect(nameOf("10.0.0.1", forwarded, "10.0.0.0/8")).toBe("10.0.0.1");
  });
});

test("a Unix socket's proxies can be trusted by name", () => {
  expect(nameOf(undefined, "198.51.100.7", "unix")).toBe("198.51.100.7");
  expect(nameOf(undefined, undefined, "unix")).toBe("unix");
  expect(nameOf("198.51.100.8", "198.51.100.7", "unix")).toBe("198.51.100.8");
});

test("a list of proxies that cannot be meant is refused", () => {
  for (const item of ["10.0.0.0/8", "10.0.0.1", "fd00::/8", "::1", "0.0.0.0/0", "unix"])
    expect(faultOfProxy(item)).toBeUndefined();
  for (const item of [
    "",
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0/8",
    "proxy",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "fe80::1%eth0",
  ])
    expect(faultOfProxy(item)).toMatch(/network/);
});
