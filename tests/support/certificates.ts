/** Certificates as an operator has them, made with openssl: a CA, and what it signs, each in files of its own. */

import { readFileSync } from "node:fs";
import { find } from "./prerequisites.ts";
import { TempFolder } from "./temp-folder.ts";

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A P-256 key takes no time to make. */
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

export class CertificateAuthority implements Disposable {
  readonly file: string;
  readonly #folder = new TempFolder();
  #issued = 0;

  constructor(readonly name = "a CA") {
    this.file = this.#folder.file("ca.crt");
    const names = ["-keyout", this.#folder.file("ca.key"), "-out", this.file, "-subj", `/CN=${name}`];
    openssl("req", "-x509", "-nodes", "-days", "30", ...NEW_KEY, ...names);
  }

  /** As clients are given it to trust in. */
  get pem(): string {
    return readFileSync(this.file, "utf8");
  }

  /** The common name of a certificate begins with its number: the latest has this one. */
  get issuedCount(): number {
    return this.#issued;
  }

  /** A certificate for this machine, and its key; good for servers and clients. */
  issue({ passphrase }: { passphrase?: string } = {}): CertificateFiles {
    const base = this.#folder.file(`issued-${++this.#issued}`);
    const files = { certFile: `${base}.crt`, keyFile: `${base}.key` };
    const key = passphrase === undefined ? ["-nodes"] : ["-passout", `pass:${passphrase}`];
    const request = ["-subj", `/CN=${this.#issued} of ${this.name}`, "-out", `${base}.csr`];
    const subject = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    openssl("req", ...NEW_KEY, ...key, "-keyout", files.keyFile, ...request, ...subject);
    const signer = ["-CA", this.file, "-CAkey", this.#folder.file("ca.key"), "-CAcreateserial"];
    const signing = ["-in", `${base}.csr`, "-out", files.certFile, "-days", "30", "-copy_extensions", "copy"];
    openssl("x509", "-req", ...signing, ...signer);
    return files;
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

function openssl(...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([find("openssl")!, ...args], { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`openssl ${args[0]} ended with ${exitCode}: ${stderr}`);
}

/** What it takes to start a node with them. */
export function tlsFlags({ certFile, keyFile }: CertificateFiles): string[] {
  return ["--tls-cert", certFile, "--tls-key", keyFile];
}

/** As a client shows them. */
export function shown({ certFile, keyFile }: CertificateFiles): { cert: string; key: string } {
  return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
}
