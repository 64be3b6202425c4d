/**
 * Run at every release, as `bun run fixture`: runs the executable that was just built, and adds the files that it leaves
 * to tests/upgrades/fixtures, named after its version. From then on every version must open them. For another
 * executable: `TEST_EXECUTABLE=path/to/onefold bun tests/upgrades/make-fixture.ts`.
 */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENDINGS, FIXTURES_FOLDER, makeFixture } from "./fixture.ts";

mkdirSync(FIXTURES_FOLDER, { recursive: true });
for (const ending of ENDINGS) {
  const { version, archive } = await makeFixture(ending);
  const path = join(FIXTURES_FOLDER, `${version}-${ending}.tar.gz`);
  if (existsSync(path)) {
    console.error(`${path} is there already: what a release has left is never made again.`);
    process.exit(1);
  }
  writeFileSync(path, archive);
  console.log(`${path}: ${(archive.length / 1024).toFixed(0)} KiB`);
}
