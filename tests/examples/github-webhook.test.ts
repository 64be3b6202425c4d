/** examples/github-webhook.ts: GitHub is told 2xx only for what is on disk, and a redelivery is counted once. */

import { expect, setDefaultTimeout, test } from "bun:test";
import definitions from "@octokit/webhooks-examples";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { Program } from "../support/program.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { example } from "./languages.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const SECRET = "It's a Secret to Everybody";

interface Delivery {
  readonly name?: string;
  readonly id: string;
  readonly body: string;
  readonly secret?: string;
}

class Receiver implements AsyncDisposable {
  url = "";
  readonly #program: Program;

  private constructor(nodeUrl: string, secret: string | undefined, env: Readonly<Record<string, string>>) {
    const command = [process.execPath, example("github-webhook.ts"), nodeUrl, "0"];
    const own: Record<string, string> = secret === undefined ? {} : { GITHUB_WEBHOOK_SECRET: secret };
    this.#program = new Program(command, { ...own, ...env });
  }

  static async start(
    nodeUrl: string,
    secret?: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Receiver> {
    const receiver = new Receiver(nodeUrl, secret, env);
    await receiver.#program.until(() => receiver.#program.lines.length > 0);
    receiver.url = /on (http:\S+),/.exec(receiver.#program.lines[0]!)![1]!;
    return receiver;
  }

  get warnings(): string {
    return this.#program.stderr;
  }

  /** As GitHub delivers. */
  deliver({ name = "push", id, body, secret = SECRET }: Delivery): Promise<Response> {
    const headers = {
      "content-type": "application/json",
      "x-github-event": name,
      "x-github-delivery": id,
      "x-hub-signature-256": `sha256=${new Bun.CryptoHasher("sha256", secret).update(body).digest("hex")}`,
    };
    return fetch(this.url, { method: "POST", headers, body });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}

test("deliveries become events of `github.<event>`, and one that is delivered again is counted once", async () => {
  await using node = await NodeProcess.start();
  await using receiver = await Receiver.start(node.url, SECRET);
  const deliveries = definitions.slice(0, 20).map(({ name, examples }, i) => {
    return { name, id: `delivery-${i}`, body: JSON.stringify(examples[0]) };
  });
  for (const delivery of [...deliveries, ...deliveries]) {
    expect((await receiver.deliver(delivery)).status).toBe(200);
  }
  for (const { name, id, body } of deliveries) {
    const stored = await node.find(`github.${name}`, id);
    expect(stored).toMatchObject({ source: "github", payload: JSON.parse(body) });
  }
  expect(await node.stats()).toMatchObject({ received: 40, unique_processed: 20, conflicts: 0 });
});

test("GitHub hears the acknowledgement, and numbers stay what they were", async () => {
  await using node = await NodeProcess.start();
  await using receiver = await Receiver.start(node.url, SECRET);
  const delivery = { id: "exact", body: '{"id":12345678901234567890}' };
  expect(await (await receiver.deliver(delivery)).json()).toMatchObject({
    status: "processed",
    is_duplicate: false,
  });
  expect(await (await receiver.deliver(delivery)).json()).toMatchObject({
    status: "duplicate",
    is_duplicate: true,
  });
  expect(await node.getText("/events/github.push/exact")).toContain('{"id":12345678901234567890}');
});

test("what is not signed with the secret is refused and does not reach the node", async () => {
  await using node = await NodeProcess.start();
  await using receiver = await Receiver.start(node.url, SECRET);
  expect((await receiver.deliver({ id: "forged", body: "{}", secret: "guessed" })).status).toBe(401);
  const unsigned = { "x-github-event": "push", "x-github-delivery": "unsigned" };
  expect((await fetch(receiver.url, { method: "POST", headers: unsigned, body: "{}" })).status).toBe(401);
  expect((await node.stats()).received).toBe(0);
  expect(receiver.warnings).toBe("");
});

test("without a secret it says that anybody may deliver, and still takes nothing but JSON", async () => {
  await using node = await NodeProcess.start();
  await using receiver = await Receiver.start(node.url);
  expect(receiver.warnings).toContain("GITHUB_WEBHOOK_SECRET is not set");
  for (const body of ["payload=%7B%7D", '{},"topic":"other"', ""]) {
    expect((await receiver.deliver({ id: "odd", body })).status).toBe(415);
  }
  expect((await fetch(receiver.url)).status).toBe(405);
  expect((await node.stats()).received).toBe(0);
});

test("without an acknowledgement GitHub is not told 2xx, so that the delivery can be sent again", async () => {
  await using node = await NodeProcess.start();
  await using receiver = await Receiver.start(node.url, SECRET);
  await node.kill9();
  const answer = await receiver.deliver({ id: "lost", body: "{}" });
  expect({ status: answer.status, text: await answer.text() }).toEqual({
    status: 503,
    text: "The node gave no answer: redeliver later.",
  });
});

test("a node that asks for a token is brought one, and where it is refused GitHub is not told that it was its fault", async () => {
  using folder = new TempFolder();
  const create = ["token", "create", "--data", folder.path, "--scope", "publish", "--topics", "github.*"];
  const token = (await runToExit(create)).stdout.trim();
  await using node = await NodeProcess.start({ data: folder.path });
  const delivery = { id: "guarded", body: "{}" };
  await using trusted = await Receiver.start(node.url, SECRET, { ONEFOLD_TOKEN: token });
  expect((await trusted.deliver(delivery)).status).toBe(200);
  expect(trusted.warnings).toBe("");
  for (const env of [{}, { ONEFOLD_TOKEN: "onefold_wrong_token" }]) {
    await using receiver = await Receiver.start(node.url, SECRET, env);
    const answer = await receiver.deliver(delivery);
    expect(answer.status).toBe(502);
    expect(await answer.text()).toContain("ONEFOLD_TOKEN");
    expect(receiver.warnings).toMatch(/^The node refused a delivery with 401: /);
    expect(receiver.warnings).not.toContain("onefold_wrong_token");
  }
});
