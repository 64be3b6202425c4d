/** A node with a certificate: what goes over TLS, who is let in, and what is refused at the start. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { CertificateAuthority, type CertificateFiles, shown, tlsFlags } from "../support/certificates.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { find, isMissing } from "../support/prerequisites.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { openPublishChannel, TestSocket } from "../support/socket.ts";
import { TempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const isSkipped = isMissing("openssl");
let ca: CertificateAuthority;
let server: CertificateFiles;
beforeAll(() => {
  if (isSkipped) return;
  ca = new CertificateAuthority();
  server = ca.issue();
});
afterAll(() => ca?.[Symbol.dispose]());

function start(flags: readonly string[] = []): Promise<NodeProcess> {
  return NodeProcess.start({ flags: [...tlsFlags(server), ...flags], client: { tls: { ca: ca.pem } } });
}

describe.skipIf(isSkipped)("a node with a certificate", () => {
  test("says https in its ready line, and takes publishes and tells statistics over TLS", async () => {
    await using node = await start();
    expect(node.url).toStartWith("https://127.0.0.1:");
    using stats = await TestSocket.open(`${node.wsUrl}/ws/stats`, { tls: { ca: ca.pem } });
    expect(await stats.next()).toMatchObject({ type: "snapshot", received: 0 });
    expect(await node.publish({ event_id: "1" })).toMatchObject({ status: "processed" });
    using channel = await openPublishChannel(node.wsUrl, { tls: { ca: ca.pem } });
    channel.send([{ event_id: "1" }, { event_id: "2" }]);
    expect(await channel.next()).toMatchObject({ type: "ack", unique_processed: 1, duplicate_dropped: 1 });
    const frames = await stats.until(({ topics }) => topics.default!.received >= 2);
    expect(frames.reduce((sum, { received }) => sum + received, 0)).toBe(3);
    expect(await node.stop()).toBe(0);
  });

  test("is not believed by a client that does not know its CA", async () => {
    await using node = await start();
    await expect(fetch(`${node.url}/health`)).rejects.toThrow();
  });

  test.each([
    ["-tls1", false],
    ["-tls1_1", false],
    ["-tls1_2", true],
    ["-tls1_3", true],
  ])("with openssl's %s it shakes hands: %p", async (version, isTaken) => {
    await using node = await start();
    const args = ["s_client", "-connect", `127.0.0.1:${node.port}`, version, "-cipher", "ALL:@SECLEVEL=0"];
    const { stdout } = Bun.spawnSync([find("openssl")!, ...args], { stderr: "ignore" });
    expect(stdout.toString().includes("Cipher is (NONE)")).toBe(!isTaken);
    expect(stdout.toString()).toMatch(/New, /);
  });

  test("gives plain HTTP no answer on its port, and goes on", async () => {
    await using node = await start();
    using socket = await RawSocket.connect(node.port);
    socket.write(`GET /health HTTP/1.1\r\nhost: localhost:${node.port}\r\n\r\n`);
    await expect(socket.readHead()).rejects.toThrow("ended the connection");
    expect(await node.stats()).toMatchObject({ received: 0 });
  });

  test("does not share its port with another that has a certificate as well", async () => {
    await using node = await start();
    using folder = new TempFolder();
    const args = ["serve", "--port", String(node.port), "--data", folder.path, ...tlsFlags(server)];
    const { exitCode, stderr } = await runToExit(args);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(String(node.port));
  });
});

describe.skipIf(isSkipped)("a node with --tls-client-ca", () => {
  test("lets in who has a certificate of that CA, and nobody else", async () => {
    using clients = new CertificateAuthority("the clients' CA");
    using others = new CertificateAuthority("another CA");
    await using node = await start(["--tls-client-ca", clients.file]);
    const ask = (identity: object) =>
      fetch(`${node.url}/health`, { tls: { ca: ca.pem, ...identity }, keepalive: false });
    expect((await ask(shown(clients.issue()))).status).toBe(200);
    await expect(ask({})).rejects.toThrow();
    await expect(ask(shown(others.issue()))).rejects.toThrow();
    // The node's own CA is none of its clients'.
    await expect(ask(shown(ca.issue()))).rejects.toThrow();
    expect((await ask(shown(clients.issue()))).status).toBe(200);
  });

  test("takes another client CA at SIGHUP", async () => {
    using first = new CertificateAuthority("the first CA");
    using second = new CertificateAuthority("the second CA");
    using folder = new TempFolder();
    const file = folder.file("clients.pem");
    copyFileSync(first.file, file);
    await using node = await start(["--tls-client-ca", file]);
    const ask = (clients: CertificateAuthority) =>
      fetch(`${node.url}/health`, { tls: { ca: ca.pem, ...shown(clients.issue()) }, keepalive: false });
    expect((await ask(first)).status).toBe(200);
    copyFileSync(second.file, file);
    node.signal("SIGHUP");
    await node.says("new connections get the certificate");
    expect((await ask(second)).status).toBe(200);
    await expect(ask(first)).rejects.toThrow();
  });
});

describe.skipIf(isSkipped)("a command that talks to it:", () => {
  test("healthcheck finds the node of its own environment, whatever name is in its certificate", async () => {
    using others = new CertificateAuthority("a CA that this machine does not know");
    const { certFile, keyFile } = others.issue();
    await using node = await NodeProcess.start({ flags: tlsFlags({ certFile, keyFile }) });
    const env = {
      ONEFOLD_PORT: String(node.port),
      ONEFOLD_TLS_CERT: certFile,
      ONEFOLD_TLS_KEY: keyFile,
    };
    expect(await runToExit(["healthcheck"], { env })).toMatchObject({ exitCode: 0 });
    // An address that somebody names has to prove that it is the one.
    expect(await runToExit(["healthcheck", "--url", node.url], { env })).toMatchObject({
      exitCode: 1,
    });
  });

  test("bench and verify trust in a CA of NODE_EXTRA_CA_CERTS", async () => {
    await using node = await start();
    const env = { NODE_EXTRA_CA_CERTS: ca.file };
    for (const args of [
      ["healthcheck", "--url", node.url],
      ["bench", "--url", node.url, "--events", "50", "--duplicates", "10", "--batch", "10"],
      ["bench", "--url", node.url, "--events", "50", "--duplicates", "10", "--batch", "10", "--via", "ws"],
      ["verify", node.url],
    ]) {
      expect(await runToExit(args, { env })).toMatchObject({ exitCode: 0, stderr: "" });
      const distrustful = await runToExit(args);
      expect(distrustful.exitCode).toBe(1);
      // Over WebSockets there is no more to learn than that it did not open.
      expect(distrustful.stderr).toMatch(/UNABLE_TO|SELF_SIGNED|channel .* was closed/);
    }
  });
});

describe.skipIf(isSkipped)("a start is refused with one sentence that names the flag", () => {
  const refusals: [string, (folder: TempFolder) => string[], RegExp][] = [
    [
      "a certificate that is not there",
      () => tlsFlags({ ...server, certFile: "none" }),
      /--tls-cert.*ENOENT/,
    ],
    ["a key that is not there", () => tlsFlags({ ...server, keyFile: "none" }), /--tls-key.*ENOENT/],
    ["a folder", (folder) => tlsFlags({ ...server, certFile: folder.path }), /--tls-cert.*EISDIR/],
    ["another's key", () => tlsFlags({ ...server, keyFile: ca.issue().keyFile }), /--tls-key is not the one/],
    ["an encrypted key", () => tlsFlags(ca.issue({ passphrase: "secret" })), /--tls-key is encrypted/],
    [
      "a key as certificate",
      () => tlsFlags({ ...server, certFile: server.keyFile }),
      /--tls-cert .*got none/,
    ],
    [
      "a certificate as key",
      () => tlsFlags({ ...server, keyFile: server.certFile }),
      /private key in --tls-key cannot/,
    ],
    [
      "a damaged certificate",
      (folder) => {
        const pem = readFileSync(server.certFile, "utf8");
        writeFileSync(folder.file("damaged"), pem.replace(/\n.{20}/, "\n"));
        return tlsFlags({ ...server, certFile: folder.file("damaged") });
      },
      /certificate in --tls-cert .*damaged/,
    ],
    [
      "a client CA that is none",
      () => [...tlsFlags(server), "--tls-client-ca", server.keyFile],
      /--tls-client-ca .*got none/,
    ],
  ];
  test.each(refusals)("%s", async (_name, flags, sentence) => {
    using folder = new TempFolder();
    const args = ["serve", "--port", "0", "--data", folder.file("data"), ...flags(folder)];
    const { exitCode, stdout, stderr } = await runToExit(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(/^onefold: [^\n]+\.\n$/);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toContain("PRIVATE KEY");
  });
});
