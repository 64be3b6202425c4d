/** New certificates at SIGHUP: what is wrong changes nothing, and what goes on loses nothing. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { CertificateAuthority, type CertificateFiles, tlsFlags } from "../support/certificates.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";
import { isMissing } from "../support/prerequisites.ts";
import { openPublishChannel } from "../support/socket.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { TlsConnection } from "../support/tls-connection.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const isSkipped = isMissing("openssl");
let ca: CertificateAuthority;
beforeAll(() => {
  if (!isSkipped) ca = new CertificateAuthority();
});
afterAll(() => ca?.[Symbol.dispose]());

/** One line in the log for each reload that took, and for each that did not. */
const RELOADED = "new connections get the certificate that is valid until";
const NOT_RELOADED = "nothing was reloaded: ";

/** Of earlier certificates, for which idle connections are kept. */
const RETIRED_SERVERS_MAX = 4;

/** The files that a node reads, and what becomes of them. */
class LiveFiles extends TempFolder {
  readonly files = { certFile: this.file("live.crt"), keyFile: this.file("live.key") };

  put({ certFile, keyFile }: CertificateFiles = ca.issue()): void {
    copyFileSync(certFile, this.files.certFile);
    copyFileSync(keyFile, this.files.keyFile);
  }

  start(flags: readonly string[] = []): Promise<NodeProcess> {
    this.put();
    return NodeProcess.start({
      flags: [...tlsFlags(this.files), ...flags],
      client: { tls: { ca: ca.pem } },
    });
  }
}

/** Publishers that never pause, and connections that come and go all the time. */
class Load {
  published = 0;
  /** Common names of the certificates that were met. */
  readonly names = new Set<string>();
  /** Rejects at the first thing that goes wrong. */
  readonly done: Promise<unknown>;
  #isOver = false;

  constructor(private readonly node: NodeProcess) {
    const publishers = Array.from({ length: 4 }, () => this.#publish());
    const visitors = Array.from({ length: 12 }, () => this.#comeAndGo());
    this.done = Promise.all([...publishers, ...visitors]);
    this.done.catch(() => {});
  }

  end(): Promise<unknown> {
    this.#isOver = true;
    return this.done;
  }

  async #publish(): Promise<void> {
    using channel = await openPublishChannel(this.node.wsUrl, { tls: { ca: ca.pem } });
    while (!this.#isOver) {
      channel.send({ event_id: String(this.published++) });
      expect(await channel.next()).toMatchObject({ type: "ack", unique_processed: 1 });
    }
  }

  async #comeAndGo(): Promise<void> {
    while (!this.#isOver) {
      using connection = await TlsConnection.open(this.node.port, ca.pem);
      this.names.add(connection.peerName);
      expect(await connection.get("/health/live")).toBe(200);
    }
  }
}

describe.skipIf(isSkipped)("broken files at SIGHUP", () => {
  test("change nothing and are told in one line; good ones count afterwards", async () => {
    using live = new LiveFiles();
    await using node = await live.start();
    using first = await TlsConnection.open(node.port, ca.pem);
    const broken: [() => void, RegExp][] = [
      [() => copyFileSync(ca.issue().keyFile, live.files.keyFile), /--tls-key is not the one of/],
      [
        () => copyFileSync(ca.issue({ passphrase: "x" }).keyFile, live.files.keyFile),
        /--tls-key is encrypted/,
      ],
      [() => writeFileSync(live.files.certFile, ""), /--tls-cert to hold a certificate/],
    ];
    for (const [i, [breakFile, sentence]] of broken.entries()) {
      live.put();
      breakFile();
      node.signal("SIGHUP");
      await node.says(NOT_RELOADED, i + 1);
      expect(node.output.trimEnd().split("\n").at(-1)).toMatch(sentence);
      using another = await TlsConnection.open(node.port, ca.pem);
      expect(another.peerName).toBe(first.peerName);
      expect(await another.get("/health")).toBe(200);
    }
    expect(node.output.trimEnd().split("\n")).toHaveLength(1 + broken.length);
    live.put();
    node.signal("SIGHUP");
    await node.says(RELOADED);
    using renewed = await TlsConnection.open(node.port, ca.pem);
    expect(renewed.peerName).not.toBe(first.peerName);
    expect(await first.get("/health")).toBe(200);
    expect(await node.stop()).toBe(0);
  });
});

test("SIGHUP does nothing to a node without TLS", async () => {
  await using node = await NodeProcess.start();
  node.signal("SIGHUP");
  expect(await node.publish({ event_id: "1" })).toMatchObject({ status: "processed" });
  expect(await node.stop()).toBe(0);
});

describe.skipIf(isSkipped)("with new files at SIGHUP", () => {
  test.each(["127.0.0.1", "0.0.0.0", "::"])("a node on %s goes on at its address", async (host) => {
    using live = new LiveFiles();
    await using node = await live.start(["--host", host, "--allow-anonymous", "publish"]);
    for (let reload = 1; reload <= 2; reload++) {
      live.put();
      node.signal("SIGHUP");
      await node.says(RELOADED, reload);
      using connection = await TlsConnection.open(node.port, ca.pem);
      expect(connection.peerName).toStartWith(`${ca.issuedCount} of`);
      expect(await connection.get("/health")).toBe(200);
    }
  });

  test("idle connections stay, until there have been so many more that theirs is let go", async () => {
    using live = new LiveFiles();
    await using node = await live.start();
    using kept = await TlsConnection.open(node.port, ca.pem);
    using channel = await openPublishChannel(node.wsUrl, { tls: { ca: ca.pem } });
    for (let reload = 1; reload <= RETIRED_SERVERS_MAX; reload++) {
      expect(await kept.get("/health")).toBe(200);
      node.signal("SIGHUP");
      await node.says(RELOADED, reload);
    }
    expect(await kept.get("/health")).toBe(200);
    node.signal("SIGHUP");
    await kept.ended;
    // What is no idle connection stays for as long as it likes.
    channel.send({ event_id: "1" });
    expect(await channel.next()).toMatchObject({ type: "ack" });
  });

  test("a shutdown closes the channels of every certificate", async () => {
    using live = new LiveFiles();
    await using node = await live.start();
    using older = await openPublishChannel(node.wsUrl, { tls: { ca: ca.pem } });
    live.put();
    node.signal("SIGHUP");
    await node.says(RELOADED);
    using newer = await openPublishChannel(node.wsUrl, { tls: { ca: ca.pem } });
    for (const channel of [older, newer]) {
      channel.send({ event_id: crypto.randomUUID() });
      expect(await channel.next()).toMatchObject({ type: "ack", unique_processed: 1 });
    }
    expect(await node.stop()).toBe(0);
    expect(await older.closed).toMatchObject({ code: 1012 });
    expect(await newer.closed).toMatchObject({ code: 1012 });
  });

  test("nothing is lost of what goes on: channels, requests, and those who come at that moment", async () => {
    using live = new LiveFiles();
    await using node = await live.start();
    using slow = await TlsConnection.open(node.port, ca.pem);
    slow.write("POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
    slow.write('content-length: 19\r\n\r\n{"event_id":');
    const load = new Load(node);
    for (let reload = 1; reload <= 20; reload++) {
      live.put();
      const { published, names } = load;
      const nameCount = names.size;
      node.signal("SIGHUP");
      await node.says(RELOADED, reload);
      using fresh = await TlsConnection.open(node.port, ca.pem);
      expect(fresh.peerName).toStartWith(`${ca.issuedCount} of`);
      while (load.published < published + 20 || names.size === nameCount)
        await Promise.race([fresh.get("/health"), load.done]);
    }
    await load.end();
    expect(load.names.size).toBeGreaterThanOrEqual(20);
    slow.write('"slow"}');
    expect(await slow.readStatus()).toBe(200);
    const count = load.published + 1;
    expect(await node.stats()).toMatchObject({ received: count, unique_processed: count });
    expect(node.output).not.toMatch(/MaxListeners|[wW]arn/);
    expect(await node.stop()).toBe(0);
  });
});
