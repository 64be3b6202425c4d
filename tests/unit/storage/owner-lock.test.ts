/** One process owns a database file, until it lets go of it or dies. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { AlreadyOwnedError, acquireOwnerLock } from "../../../src/storage/sqlite/owner-lock.ts";
import { withDeadline } from "../../support/deadline.ts";
import { TempFolder } from "../../support/temp-folder.ts";

/** A process that takes the lock, says so, and holds it until it is killed. */
const HOLDER = `
  const { acquireOwnerLock } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/storage/sqlite/owner-lock.ts"))});
  try {
    globalThis.lock = acquireOwnerLock(process.argv[1]);
    console.log("held");
    setInterval(() => {}, 60_000);
  } catch (error) {
    console.log(error.name);
  }
`;

async function holdElsewhere(path: string) {
  const process_ = Bun.spawn([process.execPath, "-e", HOLDER, path], { stdout: "pipe", stderr: "inherit" });
  const reader = process_.stdout.getReader();
  const { value } = await withDeadline(
    reader.read(),
    () => "the other process to say whether it has the lock",
  );
  return { said: new TextDecoder().decode(value).trim(), process: process_ };
}

test("a second owner is refused while the first holds the file, and welcome afterwards", () => {
  using folder = new TempFolder();
  const path = folder.file("onefold.db");
  const lock = acquireOwnerLock(path);
  expect(() => acquireOwnerLock(path)).toThrow(AlreadyOwnedError);
  lock.release();
  acquireOwnerLock(path).release();
});

test("files beside each other have owners of their own", () => {
  using folder = new TempFolder();
  const locks = ["a.db", "b.db"].map((name) => acquireOwnerLock(folder.file(name)));
  for (const lock of locks) lock.release();
});

test("another process is refused, and a process that is killed lets go", async () => {
  using folder = new TempFolder();
  const path = folder.file("onefold.db");
  const holder = await holdElsewhere(path);
  expect(holder.said).toBe("held");
  expect(() => acquireOwnerLock(path)).toThrow(`${path} is in use by another onefold process.`);
  holder.process.kill("SIGKILL");
  await holder.process.exited;
  const lock = acquireOwnerLock(path);
  const second = await holdElsewhere(path);
  expect(second.said).toBe("AlreadyOwnedError");
  expect(await second.process.exited).toBe(0);
  lock.release();
});

test("a folder that is not there is another failure than an owner", () => {
  using folder = new TempFolder();
  expect(() => acquireOwnerLock(folder.file("missing/onefold.db"))).not.toThrow(AlreadyOwnedError);
  expect(() => acquireOwnerLock(folder.file("missing/onefold.db"))).toThrow();
});
