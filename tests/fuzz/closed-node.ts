/** What makes a fuzzed node one that asks for credentials, of every kind that there is. */

import { writeFileSync } from "node:fs";
import { runToExit } from "../support/node-process.ts";
import { TempFolder } from "../support/temp-folder.ts";
import type { Credentials } from "./credentials.ts";
import type { FuzzOptions } from "./fuzz-run.ts";

export class ClosedNode implements Disposable {
  readonly #keys = new TempFolder();
  readonly options: Pick<FuzzOptions, "flags" | "prepare">;

  constructor() {
    const keyFile = this.#keys.file("secret");
    writeFileSync(keyFile, "no token is signed with this, however it is made");
    this.options = {
      flags: [
        ...["--jwt-algorithm", "HS256", "--jwt-key-file", keyFile],
        ...["--jwt-issuer", "https://issuer.example", "--jwt-audience", "onefold"],
      ],
      prepare: makeToken,
    };
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]();
  }
}

async function makeToken(data: string): Promise<Credentials> {
  const command = [
    "token",
    "create",
    "--data",
    data,
    "--scope",
    "publish,subscribe,admin",
    "--name",
    "fuzzer",
  ];
  const { exitCode, stdout, stderr } = await runToExit(command);
  if (exitCode !== 0) throw new Error(stderr);
  return { token: stdout.trim() };
}
