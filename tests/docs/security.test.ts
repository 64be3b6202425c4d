/** The commands in docs/security.md do what they say. */

import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { JwtAuthenticator } from "../../src/access/jwt.ts";
import { partsOfToken } from "../../src/access/token-text.ts";
import { cleanEnvironment, executable } from "../support/node-process.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { codeBlocks } from "./transcript.ts";

async function outputsOf(heading: string, folder: TempFolder): Promise<string[]> {
  const env = cleanEnvironment({ PATH: `${dirname(executable())}:${process.env.PATH}` });
  const outputs: string[] = [];
  for (const block of codeBlocks("docs/security.md", "sh").filter((block) => block.heading === heading))
    for (const line of block.lines)
      outputs.push(await Bun.$`sh -c ${line}`.cwd(folder.path).env(env).quiet().text());
  return outputs;
}

test("a token is made, listed and taken back", async () => {
  using folder = new TempFolder();
  const [created, listed, revoked] = await outputsOf("Tokens", folder);
  expect(created).toBe("");
  expect(statSync(folder.file("checkout.token")).mode & 0o777).toBe(0o600);
  const { id } = partsOfToken(readFileSync(folder.file("checkout.token"), "utf8").trimEnd())!;
  expect(listed).toMatch(new RegExp(`^${id} +checkout +publish +orders\\.\\*,payments .* active$`, "m"));
  expect(revoked).toBe(`Revoked checkout (${id}).\n`);
});

test.skipIf(Bun.which("openssl") === null)(
  "the keys that are made are keys for JSON Web Tokens",
  async () => {
    using folder = new TempFolder();
    await outputsOf("JSON Web Tokens", folder);
    const settings = {
      algorithm: "ES256",
      issuer: "i",
      audience: "a",
      scopeClaim: "s",
      topicsClaim: "t",
    } as const;
    const surroundings = { now: Date.now, elapsed: Date.now, log: () => {} };
    const keys = { file: folder.file("issuer.pem") };
    expect((await JwtAuthenticator.open({ ...settings, keys }, surroundings)).isConfigured).toBe(true);
  },
);
