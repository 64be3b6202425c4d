/** Runs `onefold serve` from the sources with one thread replaced by one that dies. Arguments: the thread, the data folder. */

import { join } from "node:path";
import { run } from "../../src/cli/run.ts";

const [thread, data] = process.argv.slice(2);
const worker = (name: string): URL =>
  name === thread
    ? new URL("./dying-worker.ts", import.meta.url)
    : new URL(`../../src/workers/${name}-worker.ts`, import.meta.url);

await run(["serve", "--port", "0", "--data", data!], {
  migrationsFolder: join(import.meta.dir, "../../drizzle"),
  ledgerWorker: worker("ledger"),
  readerWorker: worker("reader"),
  checkpointWorker: worker("checkpoint"),
  fileWorker: worker("file"),
});
