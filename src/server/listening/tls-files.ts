/** Certificate, key and client CA as they are in their files: read and checked together, before anything uses them. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

/** Paths; an empty one is not given. */
export interface TlsPaths {
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly tlsClientCa: string;
}

/** Checked, as PEM. */
export interface TlsFiles {
  /** The node's certificate, and those between it and its CA. */
  readonly cert: string;
  readonly key: string;
  /** Whoever connects has to have a certificate that one of these has signed. */
  readonly clientCa: string | undefined;
  /** When the node's own certificate ends. */
  readonly validTo: Date;
}

/**
 * @returns undefined where no certificate is configured.
 * @throws Error with one sentence that names the flag.
 */
export function readTlsFiles({ tlsCert, tlsKey, tlsClientCa }: TlsPaths): TlsFiles | undefined {
  if (tlsCert === "") return undefined;
  const cert = readPem("--tls-cert", tlsCert);
  const [certificate] = certificatesOf("--tls-cert", cert);
  const key = readPem("--tls-key", tlsKey);
  if (!certificate!.checkPrivateKey(privateKeyOf(key))) {
    throw new Error("The key in --tls-key is not the one of the certificate in --tls-cert.");
  }
  const clientCa = tlsClientCa === "" ? undefined : readPem("--tls-client-ca", tlsClientCa);
  if (clientCa !== undefined) certificatesOf("--tls-client-ca", clientCa);
  return { cert, key, clientCa, validTo: certificate!.validToDate };
}

function readPem(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`The file ${path} of ${flag} cannot be read (${code}).`, { cause: error });
  }
}

/** At least one; every one of them can be read. */
function certificatesOf(flag: string, pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  if (blocks.length === 0) throw new Error(`Expected ${flag} to hold a certificate in PEM form, got none.`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new Error(`A certificate in ${flag} cannot be read: it is damaged.`, { cause: error });
  }
}

function privateKeyOf(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const isEncrypted = (error as NodeJS.ErrnoException).code === "ERR_MISSING_PASSPHRASE";
    throw new Error(
      isEncrypted
        ? "The key in --tls-key is encrypted: the node has nobody to ask for its passphrase."
        : "The private key in --tls-key cannot be read: it is damaged, of an unknown kind, or not in PEM form.",
      { cause: error },
    );
  }
}
