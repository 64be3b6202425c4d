/** Places for connections are given, kept and given back exactly, in all and by address. */

import { expect, test } from "bun:test";
import { Connections } from "../../../src/limits/connections.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

const asked: Request[] = [];

function from(address: string): Request {
  return new Request("http://localhost/", { headers: { "x-test-address": address } });
}

function connections(max: number, maxPerAddress: number): Connections {
  asked.length = 0;
  const addressOf = (request: Request): string => {
    asked.push(request);
    return request.headers.get("x-test-address")!;
  };
  return new Connections({ max, maxPerAddress, addressOf });
}

test("beyond the number in all nobody is let in, and one who leaves makes a place", () => {
  const all = connections(2, 2);
  const [first, second] = [from("a"), from("b")];
  expect(all.enter(first)).toBeUndefined();
  expect(all.enter(second)).toBeUndefined();
  expect(all.enter(from("c"))).toMatchObject({ status: 429, code: "too_many_connections" });
  expect(all.refused).toBe(1);
  all.leave(first);
  expect(all.enter(from("c"))).toBeUndefined();
  expect(all.open).toBe(2);
});

test("one address has its number exactly, those that came before any address was asked for included", () => {
  const all = connections(100, 3);
  for (let i = 0; i < 3; i++) expect(all.enter(from("a"))).toBeUndefined();
  expect(all.enter(from("a"))).toMatchObject({ code: "too_many_connections" });
  for (let i = 0; i < 3; i++) expect(all.enter(from("b"))).toBeUndefined();
  expect(all.enter(from("b"))).toMatchObject({ code: "too_many_connections" });
  expect([all.open, all.addresses]).toEqual([6, 2]);
});

test("no address is asked for while none can have too many", () => {
  const all = connections(100, 10);
  for (let i = 0; i < 1_000; i++) {
    const request = from("a");
    all.enter(request);
    all.leave(request);
  }
  expect(asked).toHaveLength(0);
});

test("a socket keeps the place of its request, which gives none back by leaving", () => {
  const all = connections(100, 1);
  const request = from("a");
  const socket = {};
  all.enter(request, "a");
  all.upgrade(request, socket);
  all.leave(request);
  expect(all.open).toBe(1);
  expect(all.enter(from("a"))).toMatchObject({ code: "too_many_connections" });
  all.leave(socket);
  all.leave(socket);
  expect([all.open, all.addresses]).toEqual([0, 0]);
});

test("however they come and go, it is known how many there are, and nobody has more than allowed", () => {
  const random = new SeededRandom(7);
  const all = connections(40, 12);
  const held = new Map<object, string>();
  const willUpgrade = new Set<object>();
  for (let step = 0; step < 20_000; step++) {
    const address = `address-${random.below(5)}`;
    const [someone] = [...held.keys()].slice(random.below(held.size + 1));
    if (random.below(2) === 0) {
      const request = from(address);
      const knows = random.below(2) === 0;
      const before = [...held.values()].filter((name) => name === address).length;
      const refused = knows ? all.enter(request, address) : all.enter(request);
      expect(refused !== undefined).toBe(held.size >= 40 || before >= 12);
      if (refused === undefined) held.set(request, address);
      if (refused === undefined && knows) willUpgrade.add(request);
    } else if (someone !== undefined) {
      const address = held.get(someone)!;
      held.delete(someone);
      if (someone instanceof Request && willUpgrade.has(someone)) {
        const socket = {};
        held.set(socket, address);
        all.upgrade(someone, socket);
      } else all.leave(someone);
    }
    expect(all.open).toBe(held.size);
  }
  for (const holder of held.keys()) all.leave(holder);
  expect([all.open, all.addresses]).toEqual([0, 0]);
});
