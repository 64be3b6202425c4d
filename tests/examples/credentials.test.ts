/** The examples on a node that lets nobody in without a token: they bring it, never show it, and end where it is refused. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { CertificateAuthority, tlsFlags } from "../support/certificates.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { isMissing } from "../support/prerequisites.ts";
import { Program } from "../support/program.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { LANGUAGES } from "./languages.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const folder = new TempFolder();
let node: NodeProcess;
let publishToken: string;
let subscribeToken: string;

async function createToken(scope: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runToExit([
    ...["token", "create", "--data", folder.path],
    ...["--scope", scope, "--name", scope],
  ]);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout.trim();
}

beforeAll(async () => {
  publishToken = await createToken("publish");
  subscribeToken = await createToken("subscribe");
  node = await NodeProcess.start({ data: folder.path });
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function environment(token: string): Record<string, string> {
  return token === "" ? {} : { ONEFOLD_TOKEN: token };
}

const EVENT = '{"topic":"closed","event_id":"1"}\n';

describe.each(Object.entries(LANGUAGES))("in %s", (_, { publish, stats }) => {
  test("a token is brought in a header, and shown nowhere", async () => {
    await using proxy = await CuttingProxy.to(node.port);
    await using publisher = new Program([...publish, proxy.wsUrl], environment(publishToken));
    await publisher.write(EVENT);
    expect(await publisher.end()).toBe(0);
    expect(publisher.stdout).toStartWith("acknowledged 1: ");
    await using subscriber = new Program([...stats, proxy.wsUrl], environment(subscribeToken));
    await subscriber.until(() => subscriber.lines.length > 0);
    // A connection that is lost is what they tell of most.
    proxy.cut();
    await subscriber.until(() => subscriber.stderr.includes("trying again"));
    const shown = [publisher, subscriber].map(({ stdout, stderr }) => stdout + stderr).join("");
    for (const token of [publishToken, subscribeToken]) {
      expect(shown).not.toContain(token);
      expect(proxy.requests.join()).not.toContain(token);
    }
  });

  test.each([
    ["no token", () => ["", ""], 4401, / ONEFOLD_TOKEN must hold a token that it takes\.\n$/],
    ["a wrong one", () => ["onefold_x_y", "onefold_x_y"], 4401, / ONEFOLD_TOKEN must hold a token .*\n$/],
    ["one of another scope", () => [subscribeToken, publishToken], 4403, /: .*\b(?:publish|subscribe)\b/],
  ] as const)("with %s they end, and one sentence says why", async (_, tokens, code, sentence) => {
    for (const [i, command] of [publish, stats].entries()) {
      const token = tokens()[i]!;
      await using program = new Program([...command, node.wsUrl], environment(token));
      expect(await program.exited()).toBe(1);
      expect(program.stdout).toBe("");
      expect(program.stderr).toMatch(
        new RegExp(`^The node refused the connection \\(${code}\\): [^\\n]+\\n$`),
      );
      expect(program.stderr).toMatch(sentence);
      if (token !== "") expect(program.stderr).not.toContain(token);
    }
  });

  test("a token that no header can carry, and one in an address, are not shown", async () => {
    const closed = Bun.serve({ port: 0, fetch: () => new Response() });
    const closedPort = closed.port;
    await closed.stop(true);
    for (const command of [publish, stats]) {
      await using program = new Program([...command, node.wsUrl], environment("secret\nx: y"));
      expect(await program.exited()).toBe(1);
      expect(program.stderr).toBe("Expected ONEFOLD_TOKEN to hold one token and nothing else.\n");
      await using lost = new Program([
        ...command,
        `ws://u:secret@127.0.0.1:${closedPort}/secret?access_token=secret`,
      ]);
      await lost.until(() => lost.stderr.includes("trying again"));
      expect(lost.stderr).not.toContain("secret");
    }
  });
});

describe.skipIf(isMissing("openssl"))("a node with TLS", () => {
  test("is spoken to where the language can, with the CA that is named, and else a sentence says so", async () => {
    using authority = new CertificateAuthority();
    await using secure = await NodeProcess.start({
      flags: tlsFlags(authority.issue()),
      client: { tls: { ca: authority.pem } },
    });
    const trust = { SSL_CERT_FILE: authority.file, NODE_EXTRA_CA_CERTS: authority.file };
    for (const [name, { publish }] of Object.entries(LANGUAGES)) {
      await using program = new Program([...publish, secure.wsUrl], trust);
      if (name !== "bash") await program.write(EVENT);
      const exitCode = await program.end();
      if (name === "bash") expect(program.stderr).toMatch(/^bash does not speak TLS: .+\n$/);
      else expect(program.stdout).toStartWith("acknowledged 1: ");
      expect(exitCode).toBe(name === "bash" ? 1 : 0);
    }
    if (LANGUAGES.Python === undefined) return;
    await using distrustful = new Program([...LANGUAGES.Python.publish, secure.wsUrl]);
    expect(await distrustful.exited()).toBe(1);
    expect(distrustful.stderr).toMatch(/^The certificate of wss:\S+ is not trusted .*SSL_CERT_FILE.*\.\n$/);
  });
});
