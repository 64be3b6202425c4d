/** The entry of the executable. Workers are named here, because only here their URLs resolve once compiled. */

import { join } from "node:path";
import { run } from "./cli/run.ts";

await run(process.argv.slice(2), {
  migrationsFolder: join(import.meta.dir, Bun.isStandaloneExecutable ? "drizzle" : "../drizzle"),
  ledgerWorker: new URL("./workers/ledger-worker.ts", import.meta.url),
  readerWorker: new URL("./workers/reader-worker.ts", import.meta.url),
  checkpointWorker: new URL("./workers/checkpoint-worker.ts", import.meta.url),
  fileWorker: new URL("./workers/file-worker.ts", import.meta.url),
});
