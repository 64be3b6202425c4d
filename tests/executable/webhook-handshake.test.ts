/** The handshake of webhooks: who may publish is told that it may deliver, and how often; nobody else is. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { WEB_TOKEN_NODE, webToken } from "../support/web-tokens.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const ORIGIN = "eventemitter.example.com";

const handshake = (node: NodeProcess, headers: Record<string, string> = {}, path = "/publish") =>
  fetch(node.url + path, {
    method: "OPTIONS",
    headers: { "webhook-request-origin": ORIGIN, "webhook-request-rate": "120", ...headers },
  });

function consentOf({ status, headers }: Response) {
  return {
    status,
    origin: headers.get("webhook-allowed-origin"),
    rate: headers.get("webhook-allowed-rate"),
  };
}

const CONSENT = { status: 200, origin: ORIGIN, rate: "*" };
const NONE = { origin: null, rate: null };

test("on an open node anybody may deliver, as often as they like", async () => {
  await using node = await NodeProcess.start();
  const response = await handshake(node);
  expect(consentOf(response)).toEqual(CONSENT);
  expect(response.headers.get("allow")).toBe("POST");
  expect(await response.text()).toBe("");
  expect(consentOf(await handshake(node, {}, "/publish/"))).toEqual(CONSENT);
  expect(consentOf(await handshake(node, {}, "/publish?access_token=unneeded"))).toEqual(CONSENT);
  for (const path of ["/events", "/stats", "/ws/publish"])
    expect(consentOf(await handshake(node, {}, path))).toEqual({ status: 405, ...NONE });
  for (const origin of ["", "a, b", "x".repeat(256)])
    expect(consentOf(await handshake(node, { "webhook-request-origin": origin }))).toEqual({
      status: 422,
      ...NONE,
    });
  expect((await fetch(`${node.url}/publish`, { method: "OPTIONS" })).status).toBe(405);
  expect((await node.stats()).rejected).toBe(0);
});

test("where credentials are asked for, consent asks for those of a delivery", async () => {
  await using node = await NodeProcess.start(WEB_TOKEN_NODE);
  const [publisher, reader] = [webToken({ scope: "publish" }), webToken({ scope: "subscribe" })];
  const refused = await handshake(node);
  expect(consentOf(refused)).toEqual({ status: 401, ...NONE });
  expect(refused.headers.get("www-authenticate")).toContain("Bearer");
  expect(consentOf(await handshake(node, { authorization: "Bearer wrong" }))).toEqual({
    status: 401,
    ...NONE,
  });
  expect(consentOf(await handshake(node, { authorization: `Bearer ${reader}` }))).toEqual({
    status: 403,
    ...NONE,
  });
  expect(consentOf(await handshake(node, { authorization: `Bearer ${publisher}` }))).toEqual(CONSENT);
  expect(consentOf(await handshake(node, {}, `/publish?access_token=${publisher}`))).toEqual(CONSENT);
  expect(consentOf(await handshake(node, {}, "/publish?access_token=wrong"))).toEqual({
    status: 401,
    ...NONE,
  });
});

test("the rate is what the node grants a minute, by whichever limit is the tightest", async () => {
  for (const [flags, rate] of [
    [["--rate-requests-per-token", "5"], "300"],
    [["--rate-requests-per-address", "4", "--rate-requests-per-token", "5"], "240"],
    [["--rate-events-per-token", "3", "--rate-requests-per-token", "5"], "180"],
  ] as const) {
    await using node = await NodeProcess.start({ flags });
    const response = await handshake(node);
    expect(consentOf(response)).toEqual({ ...CONSENT, rate });
    expect(response.headers.get("ratelimit-policy")).toContain("q=");
  }
});

test("handshakes are requests, and count as such", async () => {
  await using node = await NodeProcess.start({ flags: ["--rate-requests-per-token", "2"] });
  const statuses = new Set<number>();
  for (let i = 0; i < 10; i++) {
    const response = await handshake(node);
    statuses.add(response.status);
    if (response.status === 429) expect(response.headers.get("retry-after")).toBe("1");
  }
  expect([...statuses].sort()).toEqual([200, 429]);
});

test("browsers are still answered what they ask for", async () => {
  const page = "https://app.example";
  await using node = await NodeProcess.start({ flags: ["--allow-origins", page] });
  const preflight = { origin: page, "access-control-request-method": "POST" };
  const answer = await fetch(`${node.url}/publish`, { method: "OPTIONS", headers: preflight });
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([204, page]);
  expect(consentOf(await handshake(node))).toEqual(CONSENT);
  expect(consentOf(await handshake(node, { origin: "https://evil.example" }))).toEqual({
    status: 403,
    ...NONE,
  });
  const read = await fetch(`${node.url}/events`, { headers: { origin: page } });
  expect(read.headers.get("vary")?.toLowerCase()).toContain("origin");
  expect(read.headers.get("access-control-expose-headers")).toContain("onefold-gap");
});
