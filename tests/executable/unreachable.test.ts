/** Commands against a node that is there and does not let them in: the sentence says why, and what to do about it. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { CertificateAuthority, tlsFlags } from "../support/certificates.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { isMissing } from "../support/prerequisites.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

type Command = (url: string) => string[];

const COMMANDS: readonly (readonly [string, Command])[] = [
  ["bench", (url) => ["bench", "--url", url]],
  ["bench --via ws", (url) => ["bench", "--via", "ws", "--url", url]],
  ["verify", (url) => ["verify", url]],
  ["healthcheck", (url) => ["healthcheck", "--url", url]],
];

describe.skipIf(isMissing("openssl"))("a node with TLS", () => {
  let authority: CertificateAuthority;
  let node: NodeProcess;
  let strict: NodeProcess;
  beforeAll(async () => {
    authority = new CertificateAuthority();
    const flags = tlsFlags(authority.issue());
    node = await NodeProcess.start({ flags });
    strict = await NodeProcess.start({ flags: [...flags, "--tls-client-ca", authority.file] });
  });
  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
    await strict?.[Symbol.asyncDispose]();
    authority?.[Symbol.dispose]();
  });

  test.each(COMMANDS)("is there for `onefold %s`, which says what is in the way", async (_, command) => {
    const sentence = async (url: string, env = {}): Promise<string> => {
      const { exitCode, stdout, stderr } = await runToExit(command(url), { env });
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toMatch(/^onefold: [^\n]+\.\n$/);
      return stderr;
    };
    const trust = { NODE_EXTRA_CA_CERTS: authority.file };
    expect(await sentence(node.url)).toContain("NODE_EXTRA_CA_CERTS");
    expect(await sentence(strict.url, trust)).toContain("it asks for a client certificate");
    const plain = node.url.replace("https:", "http:");
    expect(await sentence(plain)).toContain("if it serves TLS, its address begins with https.");
  });
});

describe("a node that asks for tokens", () => {
  const folder = new TempFolder();
  let node: NodeProcess;
  beforeAll(async () => {
    // Without any token a node on loopback lets everybody in.
    await runToExit(["token", "create", "--data", folder.path, "--scope", "admin"]);
    node = await NodeProcess.start({ data: folder.path });
  });
  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  async function createToken(...flags: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await runToExit([
      "token",
      "create",
      "--data",
      folder.path,
      ...flags,
    ]);
    if (exitCode !== 0) throw new Error(stderr);
    const token = stdout.trim();
    const headers = { authorization: `Bearer ${token}` };
    // The node follows the file by looking at it.
    while ((await fetch(`${node.url}/stats`, { headers })).status === 401);
    return token;
  }

  test("is told of in its own words, and with what brings a token", async () => {
    for (const [name, command] of COMMANDS.filter(([each]) => each !== "healthcheck")) {
      const { detail } = (await (await fetch(`${node.url}/stats`)).json()) as { detail: string };
      const { stderr } = await runToExit(command(node.url));
      expect({ name, stderr }).toEqual({
        name,
        stderr: expect.stringContaining(`: ${detail} ONEFOLD_TOKEN or --token-file brings a token.\n`),
      });
    }
  });

  test("does not let a load test publish where its token may only read, and says which scope it lacks", async () => {
    const env = { ONEFOLD_TOKEN: await createToken("--scope", "subscribe") };
    for (const via of ["http", "ws"]) {
      const { exitCode, stderr } = await runToExit(["bench", "--via", via, "--url", node.url], { env });
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/^onefold: The node refused [^\n]+ with 403 forbidden: [^\n]*publish[^\n]*\n$/);
    }
  });

  test("with a token of some topics, load tests are told to use those, and verify judges those alone", async () => {
    const env = {
      ONEFOLD_TOKEN: await createToken("--scope", "publish,subscribe", "--topics", "mine.*"),
    };
    const few = ["--events", "10", "--duplicates", "1", "--url", node.url];
    const refused = await runToExit(["bench", ...few], { env });
    expect(refused.stderr).toMatch(/ 403 forbidden_topic: .+ --topic-prefix gives the run topics .+\.\n$/);
    expect((await runToExit(["bench", ...few, "--topic-prefix", "mine"], { env })).exitCode).toBe(0);
    const verified = await runToExit(["verify", node.url], { env });
    expect(verified.exitCode).toBe(0);
    expect(verified.stdout).toContain(", of the topics that the token may see:");
    const { judged } = JSON.parse((await runToExit(["verify", "--json", node.url], { env })).stdout);
    expect(judged).toBe("the topics that the token may see");
  });
});
