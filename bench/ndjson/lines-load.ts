/** A process that sends a prepared file in one request, and does nothing else: the kernel copies it to the connection. */

import { type ServerUsage, startAccount, startOwnAccount } from "../load/load-result.ts";

export interface LinesLoadOptions {
  readonly url: string;
  readonly serverPid: number;
  readonly file: string;
  readonly encoding?: string;
}

export interface LinesLoadResult extends ServerUsage {
  readonly seconds: number;
  readonly loadCpuSeconds: number;
  readonly received: number;
}

const { url, serverPid, file, encoding } = JSON.parse(process.argv[2] ?? "") as LinesLoadOptions;
const endAccount = startAccount(serverPid);
const endOwnAccount = startOwnAccount();
const startedAt = performance.now();
const answer = await fetch(`${url}/publish`, {
  method: "POST",
  body: Bun.file(file),
  headers: {
    "content-type": "application/x-ndjson",
    ...(encoding !== undefined && { "content-encoding": encoding }),
  },
});
const text = await answer.text();
if (answer.status !== 200) throw new Error(`POST /publish answered ${answer.status}: ${text}`);
const { received } = JSON.parse(text) as { received: number };
const result: LinesLoadResult = {
  seconds: (performance.now() - startedAt) / 1_000,
  loadCpuSeconds: endOwnAccount(),
  received,
  ...endAccount(),
};
console.log(JSON.stringify(result));
process.exit(0);
